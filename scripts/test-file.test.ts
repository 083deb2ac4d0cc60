import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runTestFile } from './test-file.ts'
import { fileLines } from './test-report.ts'

let place: string
before(() => {
  place = mkdtempSync(join(tmpdir(), 'storewright-runner-'))
})
after(() => rmSync(place, { recursive: true, force: true }))

function run(name: string, code: string, timeoutMs = 20_000) {
  const file = join(place, name)
  writeFileSync(
    file,
    `import { describe, test } from 'node:test'\nimport assert from 'node:assert/strict'\n${code}`,
  )
  return runTestFile(file, { timeoutMs })
}

test('counts what passed and what was skipped, and hands on what tests say', async () => {
  const result = await run(
    'good.test.ts',
    `describe('suite', () => { test('a', t => t.diagnostic('3 orders')); test('b', () => {}) })
     test('later', { skip: 'not on this machine' }, () => {})`,
  )
  assert.deepEqual(
    { ...result, ms: 0, file: '' },
    {
      file: '',
      ms: 0,
      passed: 2,
      skipped: 1,
      failures: [],
      notes: ['3 orders'],
      output: '',
    },
  )
})

test('a failure is told once, by its full name, with its reason and what was printed', async () => {
  const result = await run(
    'bad.test.ts',
    `describe('cart', () => {
       test('adds', () => { console.log('adding'); assert.equal(1 + 1, 3) })
       test('removes', () => {})
     })`,
  )
  assert.equal(result.passed, 1)
  assert.deepEqual(
    result.failures.map(({ name }) => name),
    ['cart › adds'],
  )
  assert.match(result.failures[0]?.error ?? '', /2 !== 3/)
  const text = fileLines(result)
  assert.match(text, /✘ .*bad\.test\.ts .* 1 passed, 1 failed/)
  assert.match(text, /adding/)
})

test('a file that fails outside its tests, or has none, has failed', async () => {
  const thrown = await run('thrown.test.ts', `test('a', () => {})\nthrow new Error('no database')`)
  assert.equal(thrown.failures.length, 1)
  assert.match(thrown.failures[0]?.error + thrown.output, /no database/)
  const exited = await run('exited.test.ts', `test('a', () => {})\nprocess.exit(3)`)
  assert.deepEqual(
    exited.failures.map(({ error }) => error),
    ['ended with 3 before its tests'],
  )
  const empty = await run('empty.test.ts', '')
  assert.deepEqual(
    empty.failures.map(({ error }) => error),
    ['has no test in it'],
  )
  const hook = await run(
    'hook.test.ts',
    `import { before } from 'node:test'
    before(() => { throw new Error('no server') })\ntest('a', () => {})`,
  )
  assert.ok(hook.failures.length > 0)
  assert.match(hook.failures.map(({ error }) => error).join(), /no server/)
})

test('a file that hangs is ended, with the processes it started', async () => {
  const pidFile = join(place, 'pid')
  const result = await run(
    'hanging.test.ts',
    `import { spawn } from 'node:child_process'
     import { writeFileSync } from 'node:fs'
     test('done before', () => {})
     test('waits', async () => {
       const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
       writeFileSync(${JSON.stringify(pidFile)}, String(child.pid))
       await new Promise(() => setInterval(() => {}, 1000))
     })`,
    2500,
  )
  assert.equal(result.passed, 1)
  assert.match(result.failures.at(-1)?.error ?? '', /not finished after 2.5 s/)
  await assertGone(Number(readFileSync(pidFile, 'utf8')))
})

test('a process that a passing file left behind is ended', async () => {
  const pidFile = join(place, 'left')
  const result = await run(
    'leaving.test.ts',
    `import { spawn } from 'node:child_process'
     import { writeFileSync } from 'node:fs'
     test('leaves', () => {
       const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
       child.unref()
       writeFileSync(${JSON.stringify(pidFile)}, String(child.pid))
     })`,
  )
  assert.deepEqual(result.failures, [])
  await assertGone(Number(readFileSync(pidFile, 'utf8')))
})

/** Gone, or a zombie that only its new parent can clear away. */
async function assertGone(pid: number): Promise<void> {
  assert.ok(pid > 0)
  for (let tries = 0; tries < 100; tries++) {
    try {
      process.kill(pid, 0)
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return
    } catch {
      return
    }
    await sleep(20)
  }
  assert.fail(`process ${pid} still runs`)
}

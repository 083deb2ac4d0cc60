import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function start(context: TestContext, code: string, ...args: string[]) {
  return startBy(context, code, command => [process.execPath, command], ...args)
}

/** `launch` turns the command into what is spawned, as npm puts a shell in front. */
function startBy(
  context: TestContext,
  code: string,
  launch: (command: string[]) => [string, string[]],
  ...args: string[]
) {
  const cache = join(root, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'run test '))
  context.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'program.ts')
  writeFileSync(file, code)
  const [program, words] = launch([
    join(root, 'scripts', 'run.mjs'),
    '--quiet',
    relative(root, file),
    ...args,
  ])
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, npm_lifecycle_event: 'start' },
  })
  const lines: string[] = []
  const reader = createInterface(child.stdout)
  reader.on('line', line => lines.push(line))
  return { child, lines, reader, ended: once(child, 'close') }
}

test('passes arguments and the exit code, with the pinned tools first on the path', async context => {
  const { lines, ended } = start(
    context,
    `const [runtime, tools]: string[] = process.env.PATH!.split(require('node:path').delimiter)
     console.log(JSON.stringify({ args: process.argv.slice(2), runtime, tools, exec: process.execPath }))
     process.exit(7)`.replace('require(', 'process.getBuiltinModule('),
    'plain',
    'with space',
  )
  assert.deepEqual(await ended, [7, null])
  const said = JSON.parse(lines[0] ?? '')
  assert.deepEqual(said.args, ['plain', 'with space'])
  assert.equal(join(said.exec, '..'), said.runtime)
  assert.equal(said.tools, join(root, 'node_modules', '.bin'))
})

test('forwards a signal once, so that the program may end in its own time', async context => {
  const { child, lines, reader, ended } = start(
    context,
    `process.on('SIGTERM', () => { console.log('asked'); setTimeout(() => process.exit(3), 200) })
     setInterval(() => {}, 1000)
     console.log('up')`,
  )
  await once(reader, 'line')
  child.kill('SIGTERM')
  await once(reader, 'line')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [3, null])
  assert.deepEqual(lines, ['up', 'asked'])
})

test('ends when only the shell that npm put in front of it was told', {
  skip: process.platform === 'win32',
}, async context => {
  const { child, lines, reader, ended } = startBy(
    context,
    `process.on('SIGTERM', () => { console.log('asked'); process.exit(0) })
     setInterval(() => {}, 1000)
     console.log('up')`,
    // A second command keeps the shell from becoming the first one.
    command => ['sh', ['-c', '"$@"; true', 'sh', process.execPath, ...command]],
  )
  await once(reader, 'line')
  child.kill('SIGTERM')
  // Standard output closes when the program, which has it too, has ended.
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  assert.deepEqual(lines, ['up', 'asked'])
})

test('ends by the signal that ended the program', async context => {
  const { ended } = start(context, `process.kill(process.pid, 'SIGKILL')`)
  assert.deepEqual(await ended, [null, 'SIGKILL'])
})

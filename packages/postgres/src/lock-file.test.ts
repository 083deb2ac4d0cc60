import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { LockHeld, takeLockFile } from './lock-file.ts'
import { processIdentity } from './process-identity.ts'

function lockPath(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'storewright-lock-'))
  context.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'lock')
}

test('refuses while the holder lives, and is free after release', context => {
  const path = lockPath(context)
  const release = takeLockFile(path)
  assert.throws(() => takeLockFile(path), new LockHeld(path, process.pid))
  release()
  takeLockFile(path)()
  assert.equal(existsSync(path), false)
})

test('a dead holder and a recycled pid do not block', context => {
  const path = lockPath(context)
  const { pid } = spawnSync(process.execPath, ['--version'])
  writeFileSync(path, `${pid}\nboot:1\nx\n`)
  takeLockFile(path)()
  writeFileSync(path, `${process.pid}\n${processIdentity(process.pid)}0\nx\n`)
  takeLockFile(path)()
  writeFileSync(path, '') // cut short by a full disk
  takeLockFile(path)()
})

test('of many processes that find the same leftover, one gets it', async context => {
  const path = lockPath(context)
  writeFileSync(path, '999999999\ngone\nx\n')
  const code = `
    import { takeLockFile } from ${JSON.stringify(new URL('lock-file.ts', import.meta.url).href)}
    try { takeLockFile(${JSON.stringify(path)}); console.log('got it') } catch (error) { console.log(error.name) }
    await new Promise(done => setTimeout(done, 1500))`
  const said = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const args = ['--input-type=module-typescript', '-e', code]
      return (await promisify(execFile)(process.execPath, args)).stdout.trim()
    }),
  )
  assert.deepEqual(said.sort(), [...Array(5).fill('LockHeld'), 'got it'])
  assert.deepEqual(readdirSync(join(path, '..')), ['lock'])
})

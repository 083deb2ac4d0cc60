import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { takeLockFile } from '@storewright/postgres/lock-file'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

/** A start that does not fail, against all expectation, is ended. */
const FAILED_AFTER_MS = 30_000

const folder = mkdtempSync(join(tmpdir(), 'storewright-start-'))
chmodSync(folder, 0o755) // else the database of a test that runs as root would lie elsewhere
after(() => rmSync(folder, { recursive: true }))

/** What a person sees of a start that fails: the exit code and everything printed. */
async function start(env: Record<string, string>): Promise<{ code: number; printed: string }> {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const child = spawn(process.execPath, [MAIN], {
    env: { ...inherited, PORT: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FAILED_AFTER_MS,
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
  const [code] = await once(child, 'close')
  return { code: code as number, printed }
}

/** One line that names the reason, and no stack. */
function assertPlain(failure: { code: number; printed: string }, reason: RegExp): void {
  assert.equal(failure.code, 1, failure.printed)
  assert.match(failure.printed, /^\nStorewright could not start: [^\n]+\n$/)
  assert.match(failure.printed, reason)
}

test('a data folder that cannot be one is named', async () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  assertPlain(await start({ DATA_DIR: file }), /a-file cannot be written.*EEXIST/)
  assertPlain(await start({ DATA_DIR: join(file, 'below') }), /below cannot be written.*ENOTDIR/)
})

test('a second start on the same data folder says which process has it, and nothing else', async () => {
  const dataDir = join(folder, 'taken')
  mkdirSync(join(dataDir, 'postgres'), { recursive: true })
  const release = takeLockFile(join(dataDir, 'postgres', 'lock'))
  try {
    assertPlain(await start({ DATA_DIR: dataDir }), new RegExp(`in use by process ${process.pid}`))
    assert.match(readFileSync(join(dataDir, 'storewright.log'), 'utf8'), /could not start/)
  } finally {
    release()
  }
})

test('a database that is not there is named', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  const url = `postgres://admin:secret@127.0.0.1:${port}/shop`
  const failure = await start({ DATA_DIR: join(folder, 'remote'), DATABASE_URL: url })
  assertPlain(failure, new RegExp(`no connection to the database 127\\.0\\.0\\.1:${port}/shop`))
  assert.doesNotMatch(failure.printed, /secret/)
})

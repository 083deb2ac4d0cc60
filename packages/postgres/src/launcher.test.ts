import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './launcher.ts'
import { SILENT } from './log.ts'
import { openDatabase } from './pool.ts'
import { processIdentity } from './process-identity.ts'

/** Under the system's temporary folder, which Postgres's account may enter when the tests run as root. */
function dataFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'storewright-launcher-'))
  chmodSync(folder, 0o755)
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function start(context: TestContext, dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: SILENT })
  context.after(() => server.stop())
  return server
}

async function ask<Row extends object>(url: string, text: string): Promise<Row[]> {
  const database = openDatabase({ url, name: 'test', maxConnections: 1 })
  try {
    return await database.query<Row>(text)
  } finally {
    await database.close()
  }
}

/** Another process of ours with its server: killed with -9, it cannot stop the server. */
async function startInOtherProcess(dataDir: string) {
  const code = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('launcher.ts', import.meta.url).href)}
    import { SILENT } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log: SILENT })
    console.log(JSON.stringify({ pid: server.pid, url: server.url }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface(child.stdout), 'line')
  const server: { pid: number; url: string } = JSON.parse(line)
  return {
    ...server,
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, 'it did not happen within 15 s')
    await sleep(20)
  }
}

test('keeps data, port and password over a restart, for the loopback interface alone', async context => {
  const dataDir = dataFolder(context)
  const first = await startEmbeddedPostgres({ dataDir, log: SILENT })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  assert.equal(processIdentity(first.pid), undefined)
  assert.equal(statSync(join(dataDir, 'secrets')).mode & 0o777, 0o600)

  const second = await start(context, dataDir)
  assert.equal(second.url, first.url)
  const [row] = await ask(
    second.url,
    `select answer, current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
       current_setting('unix_socket_directories') as sockets, datlocprovider, datlocale
     from kept, pg_database where datname = current_database()`,
  )
  assert.deepEqual(row, {
    answer: 42,
    addresses: '127.0.0.1',
    fsync: 'on',
    sockets: '',
    datlocprovider: 'b',
    datlocale: 'C.UTF-8',
  })
  const stranger = new URL(second.url)
  stranger.password = 'guess'
  await assert.rejects(ask(stranger.href, 'select 1'), { code: '28P01' })
})

test('refuses a second start on a folder in use', async context => {
  const dataDir = dataFolder(context)
  const other = await startInOtherProcess(dataDir)
  await assert.rejects(
    startEmbeddedPostgres({ dataDir, log: SILENT }),
    /in use by process \d+: stop that one first/,
  )
  await other.kill()
  await start(context, dataDir)
})

test('adopts the server that a killed process left behind, and can stop it', async context => {
  const dataDir = dataFolder(context)
  const other = await startInOtherProcess(dataDir)
  await ask(other.url, 'create table kept as select 42 as answer')
  await other.kill()
  assert.notEqual(processIdentity(other.pid), undefined)

  const server = await startEmbeddedPostgres({ dataDir, log: SILENT })
  assert.equal(server.pid, other.pid)
  assert.equal(server.url, other.url)
  assert.deepEqual(await ask(server.url, 'select answer from kept'), [{ answer: 42 }])
  await server.stop()
  assert.equal(processIdentity(other.pid), undefined)
})

test('replaces a left server that does not answer', async context => {
  const dataDir = dataFolder(context)
  const other = await startInOtherProcess(dataDir)
  await other.kill()
  process.kill(other.pid, 'SIGSTOP')
  const server = await start(context, dataDir)
  assert.notEqual(server.pid, other.pid)
  assert.equal(processIdentity(other.pid), undefined)
  assert.deepEqual(await ask(server.url, 'select 1 as one'), [{ one: 1 }])
})

test('restarts a killed server on the same port, also an adopted one, with everything committed', async context => {
  const dataDir = dataFolder(context)
  const other = await startInOtherProcess(dataDir)
  await other.kill()
  const server = await start(context, dataDir)
  const exits: { gaveUp: boolean }[] = []
  server.onUnexpectedExit(exit => exits.push(exit))
  const database = openDatabase({ url: server.url, name: 'test', maxConnections: 2 })
  context.after(() => database.close())
  await database.query('create table kept as select 42 as answer')
  for (const round of [1, 2]) {
    const killed = server.pid
    process.kill(killed, 'SIGKILL')
    await until(() => server.pid !== killed)
    await until(() =>
      database.query('select answer from kept').then(
        rows => rows.length === 1,
        () => false,
      ),
    )
    assert.deepEqual(exits, Array(round).fill({ gaveUp: false }))
  }
})

test('gives up on a server that cannot be restarted, and says so', async context => {
  const dataDir = dataFolder(context)
  const server = await startEmbeddedPostgres({ dataDir, log: SILENT })
  const gaveUp = new Promise<void>(resolve => {
    server.onUnexpectedExit(exit => exit.gaveUp && resolve())
  })
  appendFileSync(join(dataDir, 'cluster', 'postgresql.conf'), '\nno_such_setting = 1\n')
  process.kill(server.pid, 'SIGKILL')
  await gaveUp
  await server.stop()
})

test('a pid file of a dead or of a foreign process does not block', async context => {
  const dataDir = dataFolder(context)
  const pidFile = join(dataDir, 'cluster', 'postmaster.pid')
  const first = await startInOtherProcess(dataDir)
  const lines = readFileSync(pidFile, 'utf8')
  await first.kill()
  process.kill(first.pid, 'SIGKILL')
  await until(() => processIdentity(first.pid) === undefined)
  assert.ok(existsSync(pidFile))
  const second = await startEmbeddedPostgres({ dataDir, log: SILENT })
  await second.stop()

  // As after a restart of a container, where the small pids come around: here it is this very test.
  writeFileSync(pidFile, lines.replace(/^\d+/, String(process.pid)))
  const third = await start(context, dataDir)
  assert.deepEqual(await ask(third.url, 'select 1 as one'), [{ one: 1 }])
})

test('tells the last words of a server that does not start', async context => {
  const dataDir = dataFolder(context)
  const first = await startEmbeddedPostgres({ dataDir, log: SILENT })
  await first.stop()
  appendFileSync(join(dataDir, 'cluster', 'postgresql.conf'), '\nno_such_setting = 1\n')
  await assert.rejects(startEmbeddedPostgres({ dataDir, log: SILENT }), /no_such_setting/)
  // The lock is free again: the next attempt fails for the same reason, not for the lock.
  await assert.rejects(startEmbeddedPostgres({ dataDir, log: SILENT }), /no_such_setting/)
})

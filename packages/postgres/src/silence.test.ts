import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { isConnectionFailure } from './errors.ts'
import { createLane } from './lane.ts'
import { openDatabase } from './pool.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

/** A network that swallows packets: connections stay open, nothing arrives, nobody is told. */
const STATEMENT_MS = 400
const GRACE_MS = 200
const LIMIT_MS = STATEMENT_MS + GRACE_MS
/** A busy machine's timers are late; a second limit would show. */
const LATE_MS = 500

let fixture: TestDatabase
before(async () => {
  fixture = await createTestDatabase({ service: 'silence', folders: [] })
})
after(() => fixture.drop())

async function setUp(context: TestContext) {
  const proxy = await startProxy(fixture.url)
  const database = openDatabase({
    url: proxy.url,
    name: 'silence',
    maxConnections: 1,
    statementTimeoutMs: STATEMENT_MS,
    answerGraceMs: GRACE_MS,
  })
  context.after(async () => {
    await database.close()
    await proxy.close()
  })
  assert.deepEqual(await database.query('select 1 as one', []), [{ one: 1 }])
  return { proxy, database }
}

async function failsInTime(work: Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  await assert.rejects(work, error => isConnectionFailure(error))
  const ms = performance.now() - startedAt
  assert.ok(ms < LIMIT_MS + LATE_MS, `failed after ${ms} ms, allowed are ${LIMIT_MS}`)
}

test('a statement that gets no answer fails in time, and the next call has a connection that works', async context => {
  const { proxy, database } = await setUp(context)
  proxy.swallow()
  await failsInTime(database.query('select 2 as two', []))
  proxy.forward()
  assert.deepEqual(await database.query('select 3 as three', []), [{ three: 3 }])
})

test('a transaction that falls silent fails once, not once more for its rollback', async context => {
  const { proxy, database } = await setUp(context)
  await failsInTime(
    database.transaction(async sql => {
      await sql.query('select 1', [])
      proxy.swallow()
      await sql.query('select 2', [])
    }),
  )
  proxy.forward()
  assert.equal(await database.transaction(async () => 'committed'), 'committed')
})

test('a lane is not stuck: whoever waits is told together, and the lane goes on', async context => {
  const { proxy, database } = await setUp(context)
  const lane = createLane<number, number>({
    name: 'silence',
    maxItems: 10,
    run: async items => {
      const rows = await database.query<{ item: number }>('select unnest($1::int[]) as item', [items])
      return rows.map(row => row.item)
    },
  })
  proxy.swallow()
  await Promise.all([1, 2, 3].map(item => failsInTime(lane.submit(item))))
  proxy.forward()
  assert.deepEqual(await Promise.all([4, 5].map(item => lane.submit(item))), [4, 5])
  await lane.close()
})

test('the server ends a slow statement first and the connection stays; a migration may take longer', async context => {
  const { database } = await setUp(context)
  const backend = async () => (await database.query('select pg_backend_pid() as pid', []))[0]?.pid
  const before = await backend()
  await assert.rejects(database.query('select pg_sleep(5)', []), /statement timeout/)
  assert.equal(await backend(), before)
  const slow = database.transaction(sql => sql.query('select pg_sleep($1)', [(LIMIT_MS + 200) / 1000]), {
    longStatementsMs: 5_000,
  })
  await slow
})

async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let swallowing = false
  const server = createServer(client => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      let lost = false
      from.on('error', () => {})
      from.on('data', chunk => {
        // What was lost once never arrives: later bytes of the same connection would be another stream.
        lost ||= swallowing
        if (!lost) to.write(chunk)
      })
      from.on('close', () => {
        sockets.delete(from)
        if (!lost) to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    swallow: () => {
      swallowing = true
    },
    forward: () => {
      swallowing = false
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

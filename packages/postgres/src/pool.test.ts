import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isCheckViolation, isUniqueViolation } from './errors.ts'
import { openDatabase } from './pool.ts'
import type { Sql } from './sql.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

let fixture: TestDatabase

before(async () => {
  fixture = await createTestDatabase({ service: 'pooling', folders: [] })
  await fixture.database.query('create table item (id int primary key, size int check (size > 0))')
})
after(() => fixture.drop())

function open(context: { after(work: () => Promise<void>): void }, options: { prepare?: boolean } = {}) {
  const database = openDatabase({ url: fixture.url, name: 'pooling', maxConnections: 1, ...options })
  context.after(() => database.close())
  return database
}

test('reads int8 as number, numeric and date as text, and refuses to lose digits', async context => {
  const database = open(context)
  const [row] = await database.query(
    `select 9007199254740991::int8 as big, array[1, null]::int8[] as list, 1.50::numeric as price,
       '2026-02-28'::date as day, '2026-02-28T12:00:00Z'::timestamptz as instant, '{"a":[1]}'::jsonb as json`,
    [],
  )
  assert.deepEqual(row, {
    big: 9007199254740991,
    list: [1, null],
    price: '1.50',
    day: '2026-02-28',
    instant: new Date('2026-02-28T12:00:00Z'),
    json: { a: [1] },
  })
  await assert.rejects(database.query('select 9007199254740992::int8 as big', []), /beyond the safe integers/)
  assert.deepEqual(await database.query('select 1 as one', []), [{ one: 1 }])
})

test('prepares a text once per connection, and not at all behind a pooler', async context => {
  for (const [prepare, wanted] of [
    [true, 1],
    [false, 0],
  ] as const) {
    const database = open(context, { prepare })
    for (const value of [1, 2, 3]) await database.query('select $1::int as value', [value])
    const prepared = await database.query(
      `select * from pg_prepared_statements where statement = 'select $1::int as value'`,
    )
    assert.equal(prepared.length, wanted)
  }
})

test('names its connections and bounds their statements', async context => {
  const [row] = await open(context).query(
    `select current_setting('application_name') as name, current_setting('statement_timeout') as statement,
       current_setting('idle_in_transaction_session_timeout') as idle`,
  )
  assert.deepEqual(row, { name: 'storewright:pooling', statement: '30s', idle: '15s' })
})

test('commits what resolves, and rolls back what rejects with the same error', async context => {
  const database = open(context)
  await database.transaction(sql => sql.query('insert into item values ($1, 1)', [1]))
  const refusal = new Error('refused')
  await assert.rejects(
    database.transaction(async sql => {
      await sql.query('insert into item values ($1, 1)', [2])
      throw refusal
    }),
    error => error === refusal,
  )
  assert.deepEqual(await database.query('select id from item', []), [{ id: 1 }])
})

test('does not pretend to commit when an error was swallowed inside', async context => {
  const database = open(context)
  await assert.rejects(
    database.transaction(async sql => {
      await sql.query('insert into item values ($1, 1)', [10])
      await sql.query('insert into item values ($1, 0)', [11]).catch(() => {})
    }),
    /rolled back: a statement in it had failed/,
  )
  assert.deepEqual(await database.query('select id from item where id = $1', [10]), [])
})

test('refuses a query after its transaction is over', async context => {
  let leaked: Sql | undefined
  await open(context).transaction(async sql => {
    leaked = sql
  })
  await assert.rejects(leaked?.query('select 1', []) ?? Promise.resolve(), /transaction is over/)
})

test('names the constraint that was violated', async context => {
  const database = open(context)
  await database.query('insert into item values (20, 1)')
  const twice = await database.query('insert into item values (20, 1)').catch(error => error)
  const none = await database.query('insert into item values (21, 0)').catch(error => error)
  assert.ok(
    isUniqueViolation(twice) && isUniqueViolation(twice, 'item_pkey') && !isUniqueViolation(twice, 'other'),
  )
  assert.ok(isCheckViolation(none, 'item_size_check') && !isCheckViolation(twice))
})

test('survives a connection that the server ends, idle or in the middle of a transaction', async context => {
  const database = open(context)
  const kill = async () => {
    await using admin = disposable(openDatabase({ url: fixture.adminUrl, name: 'killer', maxConnections: 1 }))
    await admin.database.query(
      `select pg_terminate_backend(pid, 1000) from pg_stat_activity
       where application_name = 'storewright:pooling' and datname = current_database()`,
    )
  }
  await database.query('select 1', [])
  await kill()
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.deepEqual(await database.query('select 1 as one', []), [{ one: 1 }])
  await assert.rejects(
    database.transaction(async sql => {
      await sql.query('insert into item values ($1, 1)', [30])
      await kill()
      await sql.query('insert into item values ($1, 1)', [31])
    }),
  )
  assert.deepEqual(await database.query('select id from item where id in (30, 31)', []), [])
})

test('a migration under a prepared statement costs no failed request', async context => {
  const database = open(context)
  await database.query('create table wide (a int)')
  await database.query('insert into wide values (1)')
  const read = () => database.query('select * from wide', [])
  assert.deepEqual(await read(), [{ a: 1 }])
  await database.query('alter table wide add b int default 2')
  assert.deepEqual(await read(), [{ a: 1, b: 2 }])
  assert.deepEqual(await read(), [{ a: 1, b: 2 }])
})

function disposable(database: ReturnType<typeof openDatabase>) {
  return { database, [Symbol.asyncDispose]: () => database.close() }
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openDatabase } from './pool.ts'
import { provisionAll, provisionService } from './provision.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

let fixture: TestDatabase
/** Roles are the whole server's: other test files must not meet these. */
const run = Math.random().toString(36).slice(2, 8)
const left = `left_${run}`
const right = `right_${run}`

before(async () => {
  fixture = await createTestDatabase({ service: 'provisioning', folders: [] })
})
after(async () => {
  const { adminUrl } = fixture
  await fixture.drop()
  const server = new URL(adminUrl)
  server.pathname = '/postgres'
  await using admin = database(server.href)
  await admin.query(`drop role if exists storewright_${left}; drop role if exists storewright_${right}`)
})

function database(url: string) {
  const opened = openDatabase({ url, name: 'test', maxConnections: 2 })
  return { ...opened, [Symbol.asyncDispose]: () => opened.close() }
}

test('gives each service a schema that no other can read or write', async () => {
  const urls = await provisionAll(fixture.adminUrl, [left, right], { [left]: 'one', [right]: 'two' })
  await using a = database(urls[left] ?? '')
  await using b = database(urls[right] ?? '')
  await a.query('create table secret as select 1 as value')
  assert.deepEqual(await a.query('select value from secret'), [{ value: 1 }])
  await assert.rejects(b.query(`select value from ${left}.secret`), { code: '42501' })
  await assert.rejects(b.query(`create table ${left}.intruder ()`), { code: '42501' })
  await assert.rejects(b.query('create table public.intruder ()'), { code: '42501' })
  await assert.rejects(b.query('create schema intruder'), { code: '42501' })
  await assert.rejects(b.query(`set role storewright_${left}`), { code: '42501' })
  await assert.rejects(b.query('select * from provisioned.service'), { code: '42501' })
  const [row] = await b.query(
    `select similarity('shirt', 'shirts') > 0.5 as similar, current_schema as schema`,
  )
  assert.deepEqual(row, { similar: true, schema: right })
})

test('a changed password takes effect, an unchanged one changes nothing', async () => {
  const old = await provisionService(fixture.adminUrl, { service: left, password: 'first' })
  const touched = async () => {
    await using admin = database(fixture.adminUrl)
    const rows = await admin.query<{ xmin: string }>('select xmin::text from pg_authid where rolname = $1', [
      `storewright_${left}`,
    ])
    return rows[0]?.xmin
  }
  const before = await touched()
  assert.equal(await provisionService(fixture.adminUrl, { service: left, password: 'first' }), old)
  assert.equal(await touched(), before)

  const fresh = await provisionService(fixture.adminUrl, { service: left, password: `it's "new" @/:%` })
  await using again = database(fresh)
  assert.equal((await again.query('select 1')).length, 1)
  await using refused = database(old)
  await assert.rejects(refused.query('select 1'), { code: '28P01' })
})

test('many processes may provision at once', async () => {
  const urls = await Promise.all(
    Array.from({ length: 6 }, () =>
      provisionAll(fixture.adminUrl, [left, right], { [left]: 'x', [right]: 'y' }),
    ),
  )
  assert.equal(new Set(urls.map(url => JSON.stringify(url))).size, 1)
})

test('refuses names and passwords that make no role', async () => {
  await assert.rejects(provisionService(fixture.adminUrl, { service: 'Bad name', password: 'x' }), RangeError)
  await assert.rejects(provisionService(fixture.adminUrl, { service: left, password: '' }), RangeError)
})

test('an admin who is no superuser can provision its own database, as on a managed server', async () => {
  const boss = `boss_${run}`
  const service = `managed_${run}`
  await using admin = database(fixture.adminUrl)
  await admin.query(`create role ${boss} login createrole password 'boss'`)
  await admin.query(`create database ${boss} owner ${boss}`)
  try {
    const bossUrl = new URL(fixture.adminUrl)
    bossUrl.username = boss
    bossUrl.password = 'boss'
    bossUrl.pathname = `/${boss}`
    await provisionService(bossUrl.href, { service, password: 'first' })
    const url = await provisionService(bossUrl.href, { service, password: 'second' })
    await using own = database(url)
    await own.query('create table item (id int)')
  } finally {
    await admin.query(`drop database ${boss} with (force)`)
    await admin.query(`drop role if exists storewright_${service}`)
    await admin.query(`drop role ${boss}`)
  }
})

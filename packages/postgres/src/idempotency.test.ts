import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { deleteExpiredKeys, hashBody, IdempotencyKeyReused, once } from './idempotency.ts'
import { createTestDatabase, type TestDatabase } from './testing.ts'

let fixture: TestDatabase

before(async () => {
  const folders = [{ name: 'postgres', url: new URL('../migrations/', import.meta.url) }]
  fixture = await createTestDatabase({ service: 'ledger', folders })
  await fixture.database.query('create table effect (key text, reply int)')
})
after(() => fixture.drop())

const command = (key: string, body: unknown = {}) => ({
  principal: 'gst_1',
  operation: 'pay',
  key,
  bodyHash: hashBody(body),
})

async function pay(key: string, body: unknown = {}, reply = Math.random(), delayMs = 0) {
  return fixture.database.transaction(sql =>
    once(sql, command(key, body), async () => {
      await sql.query('insert into effect (key) values ($1)', [key])
      await sleep(delayMs)
      return { reply }
    }),
  )
}

async function effects(key: string): Promise<number> {
  const [row] = await fixture.database.query<{ count: number }>(
    'select count(*) from effect where key = $1',
    [key],
  )
  return row?.count ?? -1
}

test('replays the reply of a command sent again', async () => {
  const first = await pay('again', { total: 1 }, 7)
  const second = await pay('again', { total: 1 }, 8)
  assert.deepEqual(first, { reply: { reply: 7 }, replayed: false })
  assert.deepEqual(second, { reply: { reply: 7 }, replayed: true })
  assert.equal(await effects('again'), 1)
})

test('of many at the same time one does the work and all get its reply', async () => {
  const all = await Promise.all(Array.from({ length: 12 }, (_, index) => pay('rush', {}, index, 30)))
  assert.equal(all.filter(({ replayed }) => !replayed).length, 1)
  assert.equal(new Set(all.map(({ reply }) => reply.reply)).size, 1)
  assert.equal(await effects('rush'), 1)
})

test('a waiting second does the work when the first fails', async () => {
  const failing = fixture.database.transaction(sql =>
    once(sql, command('retry'), async () => {
      await sql.query('insert into effect (key) values ($1)', ['retry'])
      await sleep(60)
      throw new Error('declined')
    }),
  )
  await sleep(20)
  const waiting = pay('retry', {}, 5)
  await assert.rejects(failing, /declined/)
  assert.deepEqual(await waiting, { reply: { reply: 5 }, replayed: false })
  assert.equal(await effects('retry'), 1)
})

test('refuses the same key with another body, and keeps principals and operations apart', async () => {
  await pay('body', { total: 1 })
  await assert.rejects(pay('body', { total: 2 }), IdempotencyKeyReused)
  const other = await fixture.database.transaction(sql =>
    once(sql, { ...command('body', { total: 2 }), principal: 'gst_2' }, async () => 'mine'),
  )
  assert.deepEqual(other, { reply: 'mine', replayed: false })
})

test('replays replies that are empty', async () => {
  const run = () => fixture.database.transaction(sql => once(sql, command('null'), async () => null))
  assert.deepEqual(await run(), { reply: null, replayed: false })
  assert.deepEqual(await run(), { reply: null, replayed: true })
})

test('forgets only keys past their age', async () => {
  await pay('old')
  await pay('young')
  await fixture.database.query(
    `update idempotency set created_at = now() - interval '49 hours' where key = 'old'`,
  )
  assert.equal(await deleteExpiredKeys(fixture.database, 48), 1)
  assert.equal((await pay('old')).replayed, false)
  assert.equal((await pay('young')).replayed, true)
})

test('a body hash depends on the content alone, not on the order of keys', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), object => {
      const reversed = Object.fromEntries(Object.entries(object).reverse())
      assert.equal(hashBody({ inner: reversed }), hashBody({ inner: object }))
    }),
  )
  assert.notEqual(hashBody({ a: [1, 2] }), hashBody({ a: [2, 1] }))
  assert.notEqual(hashBody({ a: 1 }), hashBody({ a: '1' }))
})

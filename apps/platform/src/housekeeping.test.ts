import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { createLogger } from '@storewright/rpc/log'
import { startHousekeeping } from './housekeeping.ts'

let fixture: TestDatabase
before(async () => {
  fixture = await createTestDatabase({
    service: 'keeping',
    folders: [
      { name: 'postgres', url: new URL('../../../packages/postgres/migrations/', import.meta.url) },
      { name: 'events', url: new URL('../../../packages/events/migrations/', import.meta.url) },
    ],
  })
})
after(() => fixture.drop())

test('a round forgets old events and keys, asks each service until it has no more, and outlives one that fails', async () => {
  const { database } = fixture
  await database.query(
    `insert into outbox (id, aggregate_type, aggregate_id, aggregate_seq, type, payload, published_at)
     select 'evt-' || n, 'order', 'o' || n, 1, 'order.placed', '{}', now() - make_interval(days => n)
     from unnest(array[6, 8]) n`,
  )
  await database.query(
    `insert into idempotency (principal, operation, key, body_hash, created_at)
     select 'p', 'o', 'k' || n, 'h', now() - make_interval(hours => n) from unnest(array[47, 49]) n`,
  )
  let asked = 0
  const services = new Map([
    ['failing', { forget: () => Promise.reject(new Error('no')) }],
    ['keeping', { forget: async () => ++asked < 3 }],
  ])
  const databases = new Map([
    ['failing', database],
    ['keeping', database],
  ])
  const housekeeping = startHousekeeping(databases, services, createLogger({ level: 'silent' }))
  try {
    await housekeeping.sweep()
  } finally {
    await housekeeping.stop()
  }
  assert.equal(asked, 3)
  assert.deepEqual(await database.query('select id from outbox', []), [{ id: 'evt-6' }])
  assert.deepEqual(await database.query('select key from idempotency', []), [{ key: 'k47' }])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from './pool.ts'
import { createTestDatabase } from './testing.ts'

const folders = [{ name: 'postgres', url: new URL('../migrations/', import.meta.url) }]

test('test databases of the same service start migrated and do not meet', async () => {
  const [first, second] = await Promise.all([
    createTestDatabase({ service: 'testing', folders }),
    createTestDatabase({ service: 'testing', folders }),
  ])
  await first.database.query(`insert into idempotency values ('p', 'o', 'k', 'h')`)
  assert.deepEqual(await second.database.query('select * from idempotency'), [])
  await Promise.all([first.drop(), second.drop()])
})

test('drop removes the database even while somebody is connected', async () => {
  const { url, drop } = await createTestDatabase({ service: 'testing', folders })
  const straggler = openDatabase({ url, name: 'straggler', maxConnections: 1 })
  await straggler.query('select 1')
  await drop()
  await assert.rejects(straggler.query('select 1'))
  await straggler.close()
})

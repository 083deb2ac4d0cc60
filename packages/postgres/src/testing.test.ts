import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { openDatabase } from './pool.ts'
import { createTestDatabase, stopTestCluster } from './testing.ts'

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

test('the shared server is not stopped under another process that uses it', async () => {
  const code = `
    import { createTestDatabase } from ${JSON.stringify(new URL('testing.ts', import.meta.url).href)}
    const { drop } = await createTestDatabase({ service: 'testing', folders: [] })
    await drop()
    console.log('connected to nothing now')
    process.stdin.resume()`
  const other = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  assert.equal(await stopTestCluster(), false)
  const { database, drop } = await createTestDatabase({ service: 'testing', folders: [] })
  assert.deepEqual(await database.query('select 1 as one'), [{ one: 1 }])
  await drop()
  other.stdin.end()
  await once(other, 'exit')
})

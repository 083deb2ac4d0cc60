import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Id, newId } from '@storewright/kernel/ids'
import { refusalCode } from '@storewright/rpc/refusal'
import { auditInventory, type Violation } from './audit.ts'
import { asSystem, createTestInventory, type TestInventory } from './test-inventory.ts'

let inventory: TestInventory
let places: Id<'location'>[]

before(async () => {
  inventory = await createTestInventory()
  places = await Promise.all(['main', 'depot', 'annex'].map((code, at) => inventory.location(code, at)))
})
after(async () => {
  await inventory.drop()
})

const SKUS = ['S1', 'S2', 'S3', 'S4', 'S5']

test('128 shoppers at two processes never oversell, and every snapshot meanwhile adds up', async () => {
  for (const sku of SKUS)
    for (const code of ['main', 'depot', 'annex']) await inventory.receive(sku, 15, code)
  const clients = [inventory.client, await inventory.startAnother()]
  const violations: Violation[] = []
  let snapshots = 0
  let selling = true
  const watching = (async () => {
    while (selling) {
      violations.push(...(await auditInventory(inventory.database)))
      snapshots++
    }
  })()
  const tally = { held: 0, denied: 0, ended: 0, canceled: 0, booked: 0 }
  const count = async (clerk: number) => {
    for (let round = 0; selling; round++) {
      const client = clients[round % 2] ?? inventory.client
      const locations = ['annex', 'main', 'depot']
      const lines = SKUS.map((sku, at) => ({ sku, location: locations[(at + round) % 3] ?? '', quantity: 1 }))
      // As people write them: in any order.
      if (clerk % 2) lines.reverse()
      await client.receiveStock({ lines, reference: newId('transfer') }, asSystem())
      const sku = SKUS[(clerk + round) % SKUS.length] ?? ''
      const counted = { sku, location: 'main', delta: -1, reason: 'count', reference: newId('transfer') }
      await client.adjustStock(counted, asSystem()).catch(error => {
        assert.equal(error.data.errors[0].field, 'delta')
      })
      tally.booked++
    }
  }
  const shop = async (shopper: number) => {
    const client = clients[shopper % 2] ?? inventory.client
    for (let round = 0; round < 8; round++) {
      const reservationId = newId('checkout')
      const lines = cartOf(shopper * 31 + round * 7)
      const asked = { reservationId, lines, holdSeconds: 60 }
      const held = await client.reserveStock(asked, asSystem()).then(
        () => true,
        error => {
          assert.equal(refusalCode(error), 'insufficient-stock')
          return false
        },
      )
      tally[held ? 'held' : 'denied']++
      // The same id at the other process answers the same.
      if (held && round % 3 === 0) await clients[(shopper + 1) % 2]?.reserveStock(asked, asSystem())
      if (held && round % 2 === 0) {
        await client.releaseReservation({ reservationId }, asSystem())
        tally.ended++
      } else if (held && round % 3 === 0) {
        await client.commitReservation({ reservationId }, asSystem())
        // At the other process, and at both at once.
        if (shopper % 2) {
          await Promise.all(clients.map(each => each.cancelReservation({ reservationId }, asSystem())))
          tally.canceled++
        }
      }
    }
  }
  const clerks = Array.from({ length: 4 }, (_, clerk) => count(clerk))
  await Promise.all(Array.from({ length: 128 }, (_, shopper) => shop(shopper)))
  selling = false
  await Promise.all([watching, ...clerks])
  assert.deepEqual(violations, [])
  assert.deepEqual(await auditInventory(inventory.database), [])
  assert.ok(
    tally.held > 50 && tally.denied > 50 && tally.ended > 10 && tally.canceled > 5,
    JSON.stringify(tally),
  )
  assert.ok(tally.booked >= 4, JSON.stringify(tally))
  assert.equal(await deadlocks(), 0)
  assert.ok(snapshots >= 3, `${snapshots} snapshots`)
})

async function deadlocks(): Promise<number | undefined> {
  const [stats] = await inventory.database.query<{ count: number }>(
    'select pg_stat_get_db_deadlocks(oid) as count from pg_database where datname = current_database()',
    [],
  )
  return stats?.count
}

/** One to four distinct lines, spread by the number. */
function cartOf(number: number) {
  return Array.from({ length: 1 + (number % 4) }, (_, line) => ({
    sku: SKUS[(number + line) % SKUS.length] ?? 'S1',
    locationId: places[(number >> 2) % places.length] ?? ('loc_' as Id<'location'>),
    quantity: 1 + ((number + line) % 3),
  }))
}

test('first deliveries of a SKU to several places at once do not wait for each other in a circle', async () => {
  for (let round = 0; round < 10; round++) {
    const sku = `NEW-${round}`
    if (round % 2) await inventory.receive(sku, 1, 'main')
    await Promise.all(['main', 'depot', 'annex'].map(code => inventory.receive(sku, 2, code)))
    const { items } = await inventory.client.getAvailability({ skus: [sku] }, asSystem())
    assert.equal(items[0]?.available, round % 2 ? 7 : 6)
  }
  assert.equal(await deadlocks(), 0)
  assert.deepEqual(await auditInventory(inventory.database), [])
})

test('both processes ask for the same new reservation at once: it is held once', async () => {
  await inventory.receive('TWIN', 100)
  const other = await inventory.startAnother()
  const locationId = places[0] as Id<'location'>
  for (let round = 0; round < 20; round++) {
    const asked = {
      reservationId: newId('checkout'),
      lines: [{ sku: 'TWIN', locationId, quantity: 1 }],
      holdSeconds: 60,
    }
    const [a, b] = await Promise.all(
      [inventory.client, other].map(client => client.reserveStock(asked, asSystem())),
    )
    assert.deepEqual(a, b)
  }
  const { items } = await inventory.client.listStock({ sku: 'TWIN' }, asSystem())
  assert.equal(items[0]?.reserved, 20)
})

test('commit and expiry race: exactly one wins, and the stock follows the winner', async () => {
  await inventory.receive('RACE', 40)
  const other = await inventory.startAnother()
  const locationId = places[0] as Id<'location'>
  const ids = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const reservationId = newId('checkout')
      const lines = [{ sku: 'RACE', locationId, quantity: 1 }]
      await inventory.client.reserveStock({ reservationId, lines, holdSeconds: 1 }, asSystem())
      return reservationId
    }),
  )
  await inventory.database.query(
    `update reservation set expires_at = now() - interval '1 minute' where state = 'held' and id = any($1)`,
    [ids],
  )
  // The sweepers run on their own; commits arrive during the whole of a sweep's period.
  const results = await Promise.all(
    ids.map(async (reservationId, index) => {
      await new Promise(resolve => setTimeout(resolve, index * 40))
      return other.commitReservation({ reservationId }, asSystem()).then(
        () => 'committed',
        error => refusalCode(error),
      )
    }),
  )
  const committed = results.filter(result => result === 'committed').length
  assert.equal(committed + results.filter(result => result === 'reservation-ended').length, 40)
  const { items } = await inventory.client.listStock({ sku: 'RACE' }, asSystem())
  assert.deepEqual([items[0]?.allocated, items[0]?.reserved], [committed, 0])
  assert.deepEqual(await auditInventory(inventory.database), [])
})

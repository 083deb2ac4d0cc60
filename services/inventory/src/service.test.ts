import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { refusalCode } from '@storewright/rpc/refusal'
import { auditInventory } from './audit.ts'
import { deleteReleased } from './reservation-store.ts'
import { asSystem, createTestInventory, type TestInventory } from './test-inventory.ts'

let inventory: TestInventory
let main: Awaited<ReturnType<TestInventory['location']>>
let depot: typeof main

before(async () => {
  inventory = await createTestInventory()
  main = await inventory.location('main', 1)
  depot = await inventory.location('depot', 2)
})
after(async () => {
  await inventory.drop()
})

const reserve = (sku: string, quantity: number, reservationId = newId('checkout'), locationId = main) =>
  inventory.client.reserveStock(
    { reservationId, lines: [{ sku, locationId, quantity }], holdSeconds: 60 },
    asSystem(),
  )
const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail('was not refused'),
    error => ({ code: refusalCode(error), data: error.data }),
  )
const stockOf = async (sku: string) =>
  (await inventory.client.listStock({ sku }, asSystem())).items.map(
    ({ onHand, reserved, allocated, shortage, available }) => [
      onHand,
      reserved,
      allocated,
      shortage,
      available,
    ],
  )
const adjust = (sku: string, delta: number, reference: string = newId('transfer'), location = 'main') =>
  inventory.client.adjustStock({ sku, location, delta, reason: 'count', reference }, asSystem())
const eventsOf = async (sku: string) =>
  (
    await inventory.database.query<{ seq: number; availability: string }>(
      `select aggregate_seq as seq, payload ->> 'availability' as availability from outbox
       where aggregate_type = 'stock-item' and aggregate_id = $1 order by aggregate_seq`,
      [sku],
    )
  ).map(event => [event.seq, event.availability])

test('the same reservation id again answers what is held, whatever is asked for', async () => {
  await inventory.receive('SAME', 5)
  const first = await reserve('SAME', 2)
  const again = await reserve('SAME', 4, first.reservationId)
  assert.deepEqual(again, first)
  assert.deepEqual(await stockOf('SAME'), [[5, 2, 0, 0, 3]])
})

test('a reservation is all or nothing over lines and locations', async () => {
  await inventory.receive('WHOLE', 5)
  await inventory.receive('WHOLE', 1, 'depot')
  const lines = [
    { sku: 'WHOLE', locationId: main, quantity: 3 },
    { sku: 'WHOLE', locationId: depot, quantity: 2 },
    { sku: 'UNHEARD-OF', locationId: main, quantity: 1 },
  ]
  const asked = { reservationId: newId('checkout'), lines, holdSeconds: 60 }
  const refusal = await refusalOf(inventory.client.reserveStock(asked, asSystem()))
  assert.equal(refusal.code, 'insufficient-stock')
  assert.deepEqual(refusal.data, {
    missing: [
      { sku: 'WHOLE', requested: 2, available: 1 },
      { sku: 'UNHEARD-OF', requested: 1, available: 0 },
    ],
  })
  const rows = await stockOf('WHOLE')
  assert.deepEqual(
    rows.map(([, reserved]) => reserved),
    [0, 0],
  )
})

test('an item named twice in one reservation is refused at the door', async () => {
  const line = { sku: 'WHOLE', locationId: main, quantity: 1 }
  const asked = { reservationId: newId('checkout'), lines: [line, line], holdSeconds: 60 }
  assert.equal((await refusalOf(inventory.client.reserveStock(asked, asSystem()))).code, 'invalid-input')
})

test('commit moves reserved to allocated once, and is refused after a release', async () => {
  await inventory.receive('COMMIT', 5)
  const { reservationId } = await reserve('COMMIT', 2)
  const committed = await inventory.client.commitReservation({ reservationId }, asSystem())
  assert.equal(committed.state, 'committed')
  assert.deepEqual(await inventory.client.commitReservation({ reservationId }, asSystem()), committed)
  assert.deepEqual(await stockOf('COMMIT'), [[5, 0, 2, 0, 3]])
  assert.equal(
    (await refusalOf(inventory.client.releaseReservation({ reservationId }, asSystem()))).code,
    'reservation-committed',
  )
  const other = await reserve('COMMIT', 1)
  const released = () =>
    inventory.client.releaseReservation({ reservationId: other.reservationId }, asSystem())
  assert.deepEqual(await released(), { released: true })
  assert.deepEqual(await released(), { released: true })
  assert.equal(
    (await refusalOf(inventory.client.commitReservation({ reservationId: other.reservationId }, asSystem())))
      .code,
    'reservation-ended',
  )
  assert.equal((await refusalOf(reserve('COMMIT', 1, other.reservationId))).code, 'reservation-ended')
  assert.equal(
    (await refusalOf(inventory.client.commitReservation({ reservationId: newId('checkout') }, asSystem())))
      .code,
    'not-found',
  )
})

test('a cancellation makes committed goods available again, once, and the ledger has the way back', async () => {
  await inventory.receive('CANCEL', 5)
  const cancel = (reservationId: Awaited<ReturnType<typeof reserve>>['reservationId']) =>
    inventory.client.cancelReservation({ reservationId }, asSystem())
  const { reservationId } = await reserve('CANCEL', 5)
  assert.equal((await refusalOf(cancel(reservationId))).code, 'reservation-held')
  await inventory.client.commitReservation({ reservationId }, asSystem())
  const answers = await Promise.all([cancel(reservationId), cancel(reservationId)])
  assert.deepEqual(
    [...answers, await cancel(reservationId)].map(({ state }) => state),
    ['canceled', 'canceled', 'canceled'],
  )
  assert.deepEqual(await stockOf('CANCEL'), [[5, 0, 0, 0, 5]])
  const booked = await inventory.database.query<{ cause: string; account: string; quantity: number }>(
    `select cause_type as cause, account, quantity from stock_entry join stock_transfer on id = transfer_id
     where cause_id = $1 order by stock_transfer.id, account`,
    [reservationId],
  )
  assert.deepEqual(
    booked.map(({ cause, account, quantity }) => [cause, account, quantity]),
    [
      ['reservation', 'allocated', 5],
      ['reservation', 'on_hand', -5],
      ['cancellation', 'allocated', -5],
      ['cancellation', 'on_hand', 5],
    ],
  )
  assert.deepEqual(
    (await eventsOf('CANCEL')).map(([, availability]) => availability),
    ['low-stock', 'sold-out', 'low-stock'],
  )
  assert.equal((await refusalOf(cancel(newId('checkout')))).code, 'not-found')
})

test('a commit that is repeated after the cancellation is answered and commits nothing', async () => {
  await inventory.receive('AGAIN', 3)
  const { reservationId } = await reserve('AGAIN', 2)
  await inventory.client.commitReservation({ reservationId }, asSystem())
  await inventory.client.cancelReservation({ reservationId }, asSystem())
  const again = await inventory.client.commitReservation({ reservationId }, asSystem())
  assert.equal(again.state, 'canceled')
  assert.equal((await refusalOf(reserve('AGAIN', 2, reservationId))).code, 'reservation-ended')
  assert.deepEqual(await stockOf('AGAIN'), [[3, 0, 0, 0, 3]])
})

test('canceled goods fill a shortage before anybody can buy them', async () => {
  await inventory.receive('SHORT', 4)
  const [first, second] = [await reserve('SHORT', 3), await reserve('SHORT', 1)]
  for (const { reservationId } of [first, second])
    await inventory.client.commitReservation({ reservationId }, asSystem())
  await adjust('SHORT', -2)
  await inventory.client.cancelReservation({ reservationId: first.reservationId }, asSystem())
  assert.deepEqual(await stockOf('SHORT'), [[2, 0, 1, 0, 1]])
})

test('a reservation that arrives after its own release holds nothing', async () => {
  await inventory.receive('LATE', 5)
  const reservationId = newId('checkout')
  assert.deepEqual(await inventory.client.releaseReservation({ reservationId }, asSystem()), {
    released: false,
  })
  assert.equal((await refusalOf(reserve('LATE', 1, reservationId))).code, 'reservation-ended')
  assert.deepEqual(await stockOf('LATE'), [[5, 0, 0, 0, 5]])
})

test('a receipt is booked once per reference, and refused with other lines', async () => {
  const lines = [
    { sku: 'NOTE', location: 'main', quantity: 3 },
    { sku: 'NOTE', location: 'main', quantity: 4 },
  ]
  const receive = (sent: typeof lines) =>
    inventory.client.receiveStock({ lines: sent, reference: 'note 17' }, asSystem())
  const answers = await Promise.all([receive(lines), receive(lines), receive(lines)])
  assert.deepEqual(answers, [{ received: 7 }, { received: 7 }, { received: 7 }])
  assert.deepEqual(await stockOf('NOTE'), [[7, 0, 0, 0, 7]])
  const refusal = await refusalOf(receive(lines.slice(1)))
  assert.equal(refusal.code, 'invalid-input')
  assert.equal(refusal.data.errors[0].field, 'reference')
})

test('staff are told which field names an unknown location or SKU', async () => {
  const lines = ['main', 'main', 'nowhere'].map(location => ({ sku: 'X', location, quantity: 1 }))
  const received = await refusalOf(
    inventory.client.receiveStock({ lines, reference: newId('transfer') }, asSystem()),
  )
  assert.equal(received.data.errors[0].field, 'lines.2.location')
  assert.deepEqual(await stockOf('X'), [])
  const unknown = await refusalOf(adjust('NEVER', 1))
  assert.equal(unknown.data.errors[0].field, 'sku')
  const nowhere = await refusalOf(adjust('NOTE', 1, newId('transfer'), 'nowhere'))
  assert.equal(nowhere.data.errors[0].field, 'location')
})

test('a count that finds less than was promised raises a shortage, which returns before it can be bought', async () => {
  await inventory.receive('COUNT', 10)
  const held = await reserve('COUNT', 6)
  const { reservationId } = await reserve('COUNT', 3)
  await inventory.client.commitReservation({ reservationId }, asSystem())
  const short = await adjust('COUNT', -5)
  assert.deepEqual([short.onHand, short.shortage, short.available], [5, 4, 0])
  await inventory.receive('COUNT', 1)
  assert.deepEqual(await stockOf('COUNT'), [[6, 6, 3, 3, 0]])
  await inventory.client.releaseReservation({ reservationId: held.reservationId }, asSystem())
  assert.deepEqual(await stockOf('COUNT'), [[6, 0, 3, 0, 3]])
})

test('an adjustment below zero is refused by field and can be corrected under the same reference', async () => {
  await inventory.receive('BELOW', 2)
  const reference = newId('transfer')
  const refusal = await refusalOf(adjust('BELOW', -3, reference))
  assert.equal(refusal.data.errors[0].field, 'delta')
  assert.equal((await adjust('BELOW', -2, reference)).onHand, 0)
  assert.equal((await adjust('BELOW', -2, reference)).onHand, 0)
  assert.equal((await refusalOf(adjust('BELOW', -1, reference))).data.errors[0].field, 'reference')
})

test('only changes of the class become events, in sequence, one per batch', async () => {
  const before = inventory.appended()
  await inventory.receive('CLASS', 4)
  await inventory.receive('CLASS', 4, 'depot')
  await reserve('CLASS', 1)
  const held = await reserve('CLASS', 3)
  await reserve('CLASS', 4, newId('checkout'), depot)
  await inventory.client.releaseReservation({ reservationId: held.reservationId }, asSystem())
  assert.deepEqual(await eventsOf('CLASS'), [
    [1, 'low-stock'],
    [2, 'in-stock'],
    [3, 'low-stock'],
    [4, 'sold-out'],
    [5, 'low-stock'],
  ])
  assert.equal(inventory.appended() - before, 5)
})

test('availability is the sum over locations; what was never received is sold out', async () => {
  await inventory.receive('SUM', 2)
  await inventory.receive('SUM', 2, 'depot')
  const { items } = await inventory.client.getAvailability({ skus: ['NIX', 'SUM'] }, asSystem())
  assert.deepEqual(items, [
    { sku: 'NIX', available: 0, availability: 'sold-out' },
    { sku: 'SUM', available: 4, availability: 'low-stock' },
  ])
  const planned = await inventory.client.planStock({ lines: [{ sku: 'SUM', quantity: 3 }] }, asSystem())
  assert.deepEqual(planned.plan, [
    { sku: 'SUM', locationId: main, quantity: 2 },
    { sku: 'SUM', locationId: depot, quantity: 1 },
  ])
})

test('the list of stock is walked by cursor, each row once', async () => {
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await inventory.client.listStock({ limit: 3, ...(cursor && { cursor }) }, asSystem())
    seen.push(...page.items.map(item => `${item.sku} ${item.locationId}`))
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  const [count] = await inventory.database.query<{ rows: number }>('select count(*) as rows from stock', [])
  assert.equal(seen.length, count?.rows)
  assert.deepEqual(seen, [...new Set(seen)])
  const one = await inventory.client.listStock({ sku: 'SUM', limit: 1 }, asSystem())
  const two = await inventory.client.listStock(
    { sku: 'SUM', limit: 1, cursor: one.nextCursor ?? '' },
    asSystem(),
  )
  assert.deepEqual([...one.items, ...two.items].map(item => item.locationId).sort(), [main, depot].sort())
  assert.equal(two.nextCursor, null)
  const bad = await refusalOf(inventory.client.listStock({ cursor: 'x' }, asSystem()))
  assert.equal(bad.data.errors[0].field, 'cursor')
})

test('released reservations are forgotten after their days, committed ones never', async () => {
  await inventory.receive('OLD', 5)
  const [gone, kept] = [await reserve('OLD', 1), await reserve('OLD', 1)]
  await inventory.client.releaseReservation({ reservationId: gone.reservationId }, asSystem())
  await inventory.client.commitReservation({ reservationId: kept.reservationId }, asSystem())
  await inventory.database.query(
    `update reservation set expires_at = now() - interval '8 days' where id = any($1)`,
    [[gone.reservationId, kept.reservationId]],
  )
  assert.equal(await deleteReleased(inventory.database, { days: 7, limit: 10 }), 1)
  const again = await inventory.client.commitReservation({ reservationId: kept.reservationId }, asSystem())
  assert.equal(again.state, 'committed')
})

test('the ledger refuses rewriting and one-sided entries', async () => {
  const refused = (text: string) =>
    inventory.database.query(text, []).then(
      () => assert.fail('was accepted'),
      error => error.constraint,
    )
  assert.equal(await refused('update stock_entry set quantity = 1'), 'stock_entry_append_only')
  assert.equal(await refused('delete from stock_entry'), 'stock_entry_append_only')
  assert.equal(
    await refused(
      `insert into stock_entry select id, 'NOTE', 'loc_x', 'lost', 1 from stock_transfer
       where cause_type = 'adjustment' limit 1`,
    ),
    'stock_entry_balanced',
  )
})

test('after all of this the books are right', async () => {
  assert.deepEqual(await auditInventory(inventory.database), [])
})

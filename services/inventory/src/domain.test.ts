import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Id } from '@storewright/kernel/ids'
import fc from 'fast-check'
import { availabilityOf, availableOf, planLines, type Stock, settleShortage } from './domain.ts'

const place = (name: string) => `loc_${name}` as Id<'location'>
const at = (sku: string, name: string, priority: number, available: number) => ({
  sku,
  locationId: place(name),
  priority,
  available,
})

test('the class turns at zero and at five', () => {
  assert.deepEqual([0, 1, 5, 6].map(availabilityOf), ['sold-out', 'low-stock', 'low-stock', 'in-stock'])
})

test('goods that come in fill a shortage before anybody can buy them', () => {
  const stock: Stock = {
    sku: 'A',
    locationId: place('x'),
    onHand: 4,
    reserved: 3,
    allocated: 5,
    safety: 0,
    backorderLimit: 1,
    shortage: 0,
  }
  const short = settleShortage(stock)
  assert.equal(short.shortage, 3)
  assert.equal(availableOf(short), 0)
  const more = settleShortage({ ...short, onHand: 6 })
  assert.equal(more.shortage, 1)
  assert.equal(availableOf(more), 0)
  assert.equal(availableOf(settleShortage({ ...more, onHand: 9 })), 2)
})

test('one location that has everything beats a nearer one that has not', () => {
  const stock = [at('A', 'near', 1, 5), at('A', 'far', 9, 5), at('B', 'far', 9, 5)]
  const { plan, missing } = planLines(
    [
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 1 },
    ],
    stock,
  )
  assert.deepEqual(missing, [])
  assert.deepEqual(new Set(plan.map(line => line.locationId)), new Set([place('far')]))
})

test('a line that no location has whole is split by priority', () => {
  const { plan } = planLines([{ sku: 'A', quantity: 6 }], [at('A', 'far', 9, 5), at('A', 'near', 1, 4)])
  assert.deepEqual(plan, [
    { sku: 'A', locationId: place('near'), quantity: 4 },
    { sku: 'A', locationId: place('far'), quantity: 2 },
  ])
})

test('a missing line does not spoil the plan of the others', () => {
  const { plan, missing } = planLines(
    [
      { sku: 'A', quantity: 6 },
      { sku: 'B', quantity: 1 },
    ],
    [at('A', 'x', 1, 5), at('B', 'x', 1, 1)],
  )
  assert.deepEqual(missing, [{ sku: 'A', requested: 6, available: 5 }])
  assert.deepEqual(plan, [{ sku: 'B', locationId: place('x'), quantity: 1 }])
})

test('any plan supplies exactly what was asked, from what is there, in no more parcels than locations hold it', () => {
  const names = ['a', 'b', 'c']
  const skus = ['A', 'B', 'C', 'D']
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: -2, max: 6 }), { minLength: 3, maxLength: 3 }), {
        minLength: 4,
        maxLength: 4,
      }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
      (available, quantities) => {
        const stock = skus.flatMap((sku, s) =>
          names.map((name, n) => at(sku, name, n, available[s]?.[n] ?? 0)),
        )
        const lines = skus.map((sku, s) => ({ sku, quantity: quantities[s] ?? 1 }))
        const { plan, missing } = planLines(lines, stock)
        const lacking = new Set(missing.map(line => line.sku))
        for (const { sku, quantity } of lines) {
          const parts = plan.filter(line => line.sku === sku)
          const sum = parts.reduce((total, part) => total + part.quantity, 0)
          assert.equal(sum, lacking.has(sku) ? 0 : quantity)
          assert.equal(new Set(parts.map(part => part.locationId)).size, parts.length)
          for (const part of parts) {
            const row = stock.find(found => found.sku === sku && found.locationId === part.locationId)
            assert.ok(part.quantity > 0 && part.quantity <= (row?.available ?? 0))
          }
        }
        const hasAll = names.some(name =>
          lines.every(line =>
            stock.some(
              row => row.sku === line.sku && row.locationId === place(name) && row.available >= line.quantity,
            ),
          ),
        )
        if (hasAll) assert.equal(new Set(plan.map(line => line.locationId)).size, 1)
      },
    ),
  )
})

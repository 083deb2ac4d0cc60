import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MARKETS } from './markets.ts'
import type { StoreApi } from './store-api.ts'
import { taxNote } from './tax-note.ts'

const [market = assert.fail()] = MARKETS

function noteFor(listMarkets: () => Promise<unknown>): Promise<string> {
  return taxNote({ pricing: { listMarkets } } as unknown as StoreApi, market)
}

function noteOf(taxIncluded: boolean, taxNames: string[]): Promise<string> {
  return noteFor(async () => ({ items: [{ marketId: market.id, taxIncluded, taxNames }] }))
}

test('names the taxes that are charged, and whether the price holds them', async () => {
  assert.equal(await noteOf(true, ['VAT']), 'VAT included, shipping added at checkout')
  assert.equal(await noteOf(false, ['Sales tax']), 'Sales tax and shipping added at checkout')
})

test('promises no tax where every rate is zero', async () => {
  for (const taxIncluded of [true, false])
    assert.equal(await noteOf(taxIncluded, []), 'Shipping added at checkout')
})

test('claims nothing while rates cannot be asked for', async () => {
  const down = noteFor(() => Promise.reject(new Error('pricing is down')))
  assert.equal(await down, 'Shipping and any tax shown at checkout')
})

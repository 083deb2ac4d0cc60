import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { ORPCError } from '@orpc/server'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Database } from '@storewright/postgres/sql'
import { asSystem, refusalOf, startTestService } from '@storewright/rpc/testing'
import type { checkoutContract } from './contract.ts'
import { checkoutService } from './service.ts'

const EUR = (amount: number) => ({ amount, currency: 'EUR' as const })
const TOTALS = {
  subtotal: EUR(1000),
  shipping: EUR(0),
  tax: EUR(160),
  total: EUR(1000),
  taxIncluded: true,
}
const LOCATION = newId('location')

type Answer = (input: Record<string, unknown>) => Promise<unknown>
type Services = Record<string, Record<string, Answer>>

/** The six services around checkout, each with its happy answer; `calls` notes who was asked. */
function neighbors(changes: Services, calls: string[]): Services {
  const plan = [{ sku: 'A', locationId: LOCATION, quantity: 1 }]
  const line = { sku: 'A', quantity: 1, unitPrice: EUR(1000), total: EUR(1000), tax: EUR(160) }
  const rate = {
    shippingRateId: 'standard',
    title: 'Standard',
    description: '',
    price: EUR(0),
    minDays: 1,
    maxDays: 2,
  }
  const happy: Services = {
    cart: {
      readCart: async ({ cartId }) => ({
        cartId,
        version: 1,
        state: 'active',
        marketId: 'eu',
        currency: 'EUR',
        lines: [{ sku: 'A', quantity: 1 }],
      }),
      completeCart: async () => ({}),
    },
    product: {
      getVariants: async () => ({
        items: [
          {
            sku: 'A',
            slug: 'a',
            title: 'A',
            variantTitle: '',
            image: null,
            price: EUR(1000),
            taxClass: 'standard',
            weightGrams: 1,
            vendorId: newId('vendor'),
          },
        ],
      }),
    },
    inventory: {
      planStock: async () => ({ plan, missing: [] }),
      reserveStock: async () => ({ lines: plan }),
      commitReservation: async () => ({}),
      releaseReservation: async () => ({ released: true }),
    },
    payment: {
      listPaymentMethods: async () => ({ items: [{ method: 'invoice', title: '', description: '' }] }),
      authorizePayment: async () => ({ paymentId: newId('payment'), onTerms: true }),
      voidPayment: async () => ({ voided: true }),
    },
    order: {
      placeOrder: async () => ({
        orders: [{ orderId: newId('order'), number: 'SW-1', total: EUR(1000), trackingToken: 't' }],
      }),
    },
    pricing: {
      calculateQuote: async () => ({
        lines: [{ ...line, taxRateBasisPoints: 1900 }],
        shippingOptions: [rate],
        shippingRateId: 'standard',
        shippingTax: EUR(0),
        taxLines: [],
        totals: TOTALS,
      }),
    },
  }
  return Object.fromEntries(
    Object.entries(happy).map(([service, operations]) => [
      service,
      Object.fromEntries(
        Object.entries({ ...operations, ...changes[service] }).map(([name, answer]) => [
          name,
          (input: Record<string, unknown>) => {
            calls.push(name)
            return answer(input)
          },
        ]),
      ),
    ]),
  )
}

const refuse = (code: string, status: number) => async () => {
  throw new ORPCError(code, { status, message: code, defined: true })
}

async function startCheckout(t: TestContext, changes: Services) {
  const calls: string[] = []
  const needs = neighbors(changes, calls) as unknown as Parameters<typeof checkoutService.start>[0]['needs']
  const under = await startTestService<typeof checkoutContract, typeof checkoutService.needs>(
    checkoutService,
    { needs },
  )
  t.after(() => under.stop())
  const guestId = newId('guest')
  const asGuest = (idempotencyKey: string) =>
    asSystem({ actor: { kind: 'guest', guestId }, caller: 'gateway', idempotencyKey })
  async function payFor(cartId: Id<'cart'> = newId('cart'), key: string = randomUUID()) {
    const quote = await under.client.quoteCheckout({ cartId, country: 'DE' }, asGuest(key))
    return under.client.pay(
      {
        cartId,
        quoteHash: quote.hash,
        email: `${guestId}@example.com`,
        shippingAddress: {
          fullName: 'Ada Byron',
          line1: 'Hauptstr. 1',
          city: 'Berlin',
          postalCode: '10115',
          country: 'DE',
        },
        shippingRateId: 'standard',
        paymentMethod: 'invoice',
      },
      asGuest(key),
    )
  }
  return { under, calls, payFor }
}

const stateOf = async (database: Database, cartId: string) => {
  const rows = await database.query<{ state: string }>('select state from checkout where cart_id = $1', [
    cartId,
  ])
  return rows.map(row => row.state)
}

test('a reservation that ended before payment ends the checkout, instead of being asked for ever', async t => {
  const { under, calls, payFor } = await startCheckout(t, {
    inventory: { reserveStock: refuse('reservation-ended', 409) },
  })
  const cartId = newId('cart')
  assert.equal(await refusalOf(payFor(cartId)), 'reservation-ended')
  assert.deepEqual(await stateOf(under.database, cartId), ['failed'])
  assert.deepEqual(calls.slice(-2), ['reserveStock', 'releaseReservation'])
})

test('an order whose cart is gone by then is completed', async t => {
  const { payFor } = await startCheckout(t, { cart: { completeCart: refuse('not-found', 404) } })
  assert.equal((await payFor()).state, 'completed')
})

test('a payment that could not be asked is unknown, not refused: the checkout waits', async t => {
  const unreachable = async () => {
    throw Object.assign(new TypeError('fetch failed'), { cause: new Error('connect ECONNREFUSED') })
  }
  const { calls, payFor } = await startCheckout(t, { payment: { authorizePayment: unreachable } })
  assert.equal((await payFor()).state, 'authorizing')
  assert.ok(!calls.includes('voidPayment'))
})

test('a cart whose other checkout fails at that moment is not called ordered', async t => {
  let release = () => {}
  let first = true
  const { under, payFor } = await startCheckout(t, {
    payment: {
      authorizePayment: async () => {
        if (!first) return { paymentId: newId('payment'), onTerms: true }
        first = false
        await new Promise<void>(resolve => {
          release = resolve
        })
        throw new ORPCError('method-not-offered', { status: 400, defined: true })
      },
    },
  })
  const cartId = newId('cart')
  const losing = refusalOf(payFor(cartId))
  while (first) await new Promise(resolve => setImmediate(resolve))
  // Between the insert that the unique index refuses and the question who holds the cart, the holder fails.
  const { query } = under.database
  Object.assign(under.database, {
    query: async (text: string, values?: readonly unknown[]) => {
      if (text.includes('where cart_id = $1') && text.includes(`state <> 'failed'`)) {
        release()
        assert.equal(await losing, 'method-not-offered')
      }
      return query(text, values)
    },
  })
  const second = await payFor(cartId)
  assert.equal(second.state, 'completed')
})

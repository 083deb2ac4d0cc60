import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCheckout } from './checkout-flow.ts'
import { splitMarket } from './markets.ts'
import type { Quote, StoreApi } from './store-api.ts'

function refusal(code: string, status: number, data?: unknown): Error {
  return Object.assign(new Error(code), { code, status, data })
}

const { market } = splitMarket('/')
const euros = (amount: number) => ({ amount, currency: 'EUR' as const })
const quote = (total: number) =>
  ({
    hash: `hash-${total}`,
    cartId: 'crt_1',
    shippingRateId: 'standard',
    totals: { total: euros(total) },
  }) as unknown as Quote

interface Services {
  lines?: unknown[]
  quoteCheckout?: (input: { country: string; shippingRateId?: string }) => Quote
  pay?: (input: unknown, options: { context: { idempotencyKey: string } }) => unknown
}

/** The gateway's client, as far as the checkout page calls it. */
function services({ lines = [{ sku: 'A', title: 'Halo Vase' }], quoteCheckout, pay }: Services): StoreApi {
  return {
    cart: { getCart: async () => ({ cartId: lines.length > 0 ? 'crt_1' : null, lines }) },
    pricing: {
      listMarkets: async () => ({
        items: [{ marketId: 'eu', defaultCountry: 'DE', countries: [{ code: 'DE' }, { code: 'AT' }] }],
      }),
    },
    checkout: {
      quoteCheckout: async (input: { country: string }) => (quoteCheckout ?? (() => quote(5_000)))(input),
      pay: async (input: unknown, options: { context: { idempotencyKey: string } }) => pay?.(input, options),
    },
  } as unknown as StoreApi
}

function filled(extra: Record<string, string> = {}): FormData {
  const form = new FormData()
  const values = {
    _action: 'place',
    email: 'ada@example.com',
    fullName: 'Ada Byron',
    line1: 'Main street 1',
    city: 'Berlin',
    postalCode: '10115',
    country: 'DE',
    paymentMethod: 'invoice',
    shippingRateId: 'standard',
    quoteHash: 'hash-5000',
    shownTotal: '5000',
    cartId: 'crt_1',
    idempotencyKey: 'key-1',
    ...extra,
  }
  for (const [name, value] of Object.entries(values)) form.set(name, value)
  return form
}

async function view(api: StoreApi, form?: FormData) {
  const outcome = await runCheckout(api, market, form)
  assert.ok(outcome.kind === 'form', `expected the form, got ${JSON.stringify(outcome)}`)
  return { ...outcome.view, status: outcome.status }
}

test('sends the shopper to the order page once the order is placed', async () => {
  const placed = {
    orders: [{ orderId: 'ord_1', trackingToken: 'ord_1.sig' }],
    failure: null,
    state: 'completed',
  }
  const outcome = await runCheckout(services({ pay: () => placed }), market, filled())
  assert.deepEqual(outcome, { kind: 'redirect', to: '/orders/ord_1?token=ord_1.sig&placed=1' })
})

test('asks again with both totals when the total has changed', async () => {
  const api = services({
    quoteCheckout: () => quote(6_000),
    pay: () => {
      throw refusal('total-changed', 409, { quote: quote(6_000) })
    },
  })
  const shown = await view(api, filled())
  assert.equal(shown.status, 409)
  assert.deepEqual(shown.formerTotal, euros(5_000))
  assert.equal(shown.quote.hash, 'hash-6000')
  assert.notEqual(shown.idempotencyKey, 'key-1')
})

test('keeps the idempotency key when the outcome is unknown, so that a second press cannot order twice', async () => {
  const keys: string[] = []
  const api = services({
    pay: (_, { context }) => {
      keys.push(context.idempotencyKey)
      throw new Error('connection reset')
    },
  })
  const shown = await view(api, filled())
  assert.equal(shown.status, 503)
  await view(api, filled({ idempotencyKey: shown.idempotencyKey }))
  assert.deepEqual(keys, ['key-1', 'key-1'])
})

test('finds the order when the answer to an earlier press was lost and the cart is gone', async () => {
  const placed = { orders: [{ orderId: 'ord_1', trackingToken: 't' }], failure: null, state: 'completed' }
  const outcome = await runCheckout(services({ lines: [], pay: () => placed }), market, filled())
  assert.deepEqual(outcome, { kind: 'redirect', to: '/orders/ord_1?token=t&placed=1' })
})

test('asks no service to pay while required fields are empty, and keeps what was typed', async () => {
  const api = services({ pay: () => assert.fail('pay must not be called') })
  const shown = await view(api, filled({ city: '  ', email: '' }))
  assert.deepEqual(Object.keys(shown.errors).sort(), ['city', 'email'])
  assert.equal(shown.values.fullName, 'Ada Byron')
})

test('asks for the other billing address only when it was chosen', async () => {
  const api = services({ pay: () => assert.fail('pay must not be called') })
  const shown = await view(api, filled({ billing: 'other' }))
  assert.deepEqual(Object.keys(shown.errors).sort(), [
    'billing-city',
    'billing-fullName',
    'billing-line1',
    'billing-postalCode',
  ])
})

test('puts the errors of a service beside the fields of the form', async () => {
  const api = services({
    pay: () => {
      const errors = [
        { field: 'email', message: 'must be an email address' },
        { field: 'shippingAddress.postalCode', message: 'must not be empty' },
        { field: 'billingAddress.city', message: 'must not be empty' },
      ]
      throw refusal('invalid-input', 400, { errors })
    },
  })
  const shown = await view(api, filled())
  assert.deepEqual(Object.keys(shown.errors), ['email', 'postalCode', 'billing-city'])
})

test('names the line that ran out and leads back to the cart', async () => {
  const api = services({
    quoteCheckout: () => {
      throw refusal('insufficient-stock', 409, { missing: [{ sku: 'A', requested: 2, available: 1 }] })
    },
  })
  const outcome = await runCheckout(api, market)
  assert.ok(outcome.kind === 'blocked')
  assert.deepEqual(outcome.items, ['Halo Vase: only 1 left'])
})

test('starts from the cheapest rate when the chosen one does not exist for the country', async () => {
  const asked: (string | undefined)[] = []
  const api = services({
    quoteCheckout: ({ shippingRateId }) => {
      asked.push(shippingRateId)
      if (shippingRateId === 'gone') throw refusal('invalid-input', 400, { errors: [] })
      return quote(5_000)
    },
  })
  await view(api, filled({ _action: 'update', shippingRateId: 'gone' }))
  assert.deepEqual(asked, ['gone', undefined])
})

test('leads to the cart when there is nothing to buy', async () => {
  assert.deepEqual(await runCheckout(services({ lines: [] }), market), { kind: 'redirect', to: '/cart' })
})

test('waits on a page of its own while an order is still being placed', async () => {
  const placing = { checkoutId: 'chk_1', orders: [], failure: null, state: 'placing' }
  const outcome = await runCheckout(services({ pay: () => placing }), market, filled())
  assert.deepEqual(outcome, { kind: 'redirect', to: '/checkout/chk_1' })
})

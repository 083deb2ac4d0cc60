import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { ORPCError } from '@orpc/server'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Database } from '@storewright/postgres/sql'
import { asSystem, startTestService } from '@storewright/rpc/testing'
import type { checkoutContract } from './contract.ts'
import { checkoutService } from './service.ts'

export const EUR = (amount: number) => ({ amount, currency: 'EUR' as const })
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
      listPaymentMethods: async () => ({
        items: ['invoice', 'card'].map(method => ({ method, title: '', description: '' })),
      }),
      authorizePayment: async () => ({ paymentId: newId('payment'), onTerms: true }),
      openPaymentPage: async () => ({
        payment: { paymentId: newId('payment'), onTerms: false },
        page: { url: 'https://pay.test/1', expiresAt: new Date(Date.now() + 31 * 60_000).toISOString() },
        captureOn: 'placement',
      }),
      confirmPayment: async () => ({
        payment: { paymentId: newId('payment'), onTerms: false },
        page: null,
        captureOn: 'placement',
      }),
      syncPayment: async () => ({ state: 'pending' }),
      closePaymentPage: async () => ({ state: 'voided' }),
      capturePayment: async () => ({ state: 'captured' }),
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

export const refuse = (code: string, status: number) => async () => {
  throw new ORPCError(code, { status, message: code, defined: true })
}

/** The checkout service on a real database, between neighbors that answer as told. */
export async function startCheckout(t: TestContext, changes: Services) {
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
  async function payFor(
    cartId: Id<'cart'> = newId('cart'),
    key: string = randomUUID(),
    paymentMethod: 'invoice' | 'card' = 'invoice',
    paymentToken?: string,
  ) {
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
        paymentMethod,
        ...(paymentToken !== undefined && { paymentToken }),
      },
      asGuest(key),
    )
  }
  return { under, calls, payFor, asGuest: () => asGuest(randomUUID()) }
}

export const stateOf = async (database: Database, cartId: string) => {
  const rows = await database.query<{ state: string }>('select state from checkout where cart_id = $1', [
    cartId,
  ])
  return rows.map(row => row.state)
}

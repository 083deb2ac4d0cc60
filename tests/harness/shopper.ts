import { randomUUID } from 'node:crypto'
import type { Problem } from '@storewright/kernel/problem'

/** A client that knows nothing but the public API. */
export interface Shopper {
  get<Body>(path: string): Promise<Answer<Body>>
  send<Body>(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    key?: string,
  ): Promise<Answer<Body>>
}

export interface Answer<Body> {
  readonly status: number
  readonly headers: Headers
  readonly body: Body & Partial<Problem>
}

export interface QuoteBody {
  hash: string
  shippingRateId: string
  totals: { total: { amount: number; currency: string } }
}

export interface CheckoutBody {
  checkoutId: string
  state: string
  paymentPage: { url: string } | null
  orders: { orderId: string; number: string; trackingToken: string }[]
}

export async function newShopper(url: string): Promise<Shopper> {
  const anonymous = shopperWith(url, {})
  const guest = await anonymous.send<{ token: string }>('POST', '/guests', {})
  if (guest.status !== 201)
    throw new Error(`no guest identity: ${guest.status} ${JSON.stringify(guest.body)}`)
  return shopperWith(url, { authorization: `Bearer ${guest.body.token}` })
}

/** Staff, by the one-time link that the platform printed. */
export async function newStaff(url: string, adminLink: string): Promise<Shopper> {
  const token = new URL(adminLink).searchParams.get('token')
  const claimed = await shopperWith(url, {}).send<{ apiKey: string }>('POST', '/admin/claim', { token })
  if (claimed.status !== 200) throw new Error(`admin link refused: ${JSON.stringify(claimed.body)}`)
  return shopperWith(url, { authorization: `Bearer ${claimed.body.apiKey}` })
}

export function shopperWith(url: string, headers: Record<string, string>): Shopper {
  const answerOf = async <Body>(response: Response) => ({
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Body & Partial<Problem>,
  })
  return {
    get: async path => answerOf(await fetch(`${url}/api${path}`, { headers })),
    send: async (method, path, body, key) =>
      answerOf(
        await fetch(`${url}/api${path}`, {
          method,
          headers: {
            ...headers,
            'content-type': 'application/json',
            ...(key ? { 'idempotency-key': key } : {}),
          },
          body: body === undefined ? null : JSON.stringify(body),
        }),
      ),
  }
}

export const ADDRESS = {
  fullName: 'Ada Byron',
  line1: 'Hauptstr. 1',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
}

/** Adds an item and asks for the quote; answers what `pay` needs. */
export async function fillCart(
  shopper: Shopper,
  sku: string,
  quantity = 1,
): Promise<Answer<QuoteBody> & { cartId: string | null }> {
  const cart = await shopper.send<{ cartId: string }>('POST', '/cart/lines', { sku, quantity })
  if (cart.status !== 200) return { ...(cart as unknown as Answer<QuoteBody>), cartId: null }
  const quote = await shopper.send<QuoteBody>('POST', '/checkout/quote', {
    cartId: cart.body.cartId,
    country: 'DE',
  })
  return { ...quote, cartId: cart.body.cartId }
}

export function payBody(
  cartId: string | null,
  quote: QuoteBody,
  email: string,
  paymentMethod: 'invoice' | 'card' = 'invoice',
) {
  return {
    cartId,
    quoteHash: quote.hash,
    email,
    shippingAddress: ADDRESS,
    shippingRateId: quote.shippingRateId,
    paymentMethod,
  }
}

export function pay(
  shopper: Shopper,
  body: ReturnType<typeof payBody>,
  key: string = randomUUID(),
): Promise<Answer<CheckoutBody>> {
  return shopper.send<CheckoutBody>('POST', '/checkout/pay', body, key)
}

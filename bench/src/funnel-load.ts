import { randomUUID } from 'node:crypto'
import { comeBack, payOnPage } from './card-load.ts'
import { type HttpConnection, type HttpTarget, openConnection } from './http-connection.ts'
import { type LatencySummary, summarize } from './latency.ts'
import {
  type AnsweredCheckout,
  type Ask,
  parse,
  payRequest,
  Refused,
  STEPS,
  type Step,
} from './shop-requests.ts'

/** Runs in the load process: guests who buy one item each, from the list to their order. */
export interface FunnelInput {
  readonly target: HttpTarget
  /** The provider's, where cards are paid; without it everybody pays by invoice. */
  readonly paymentPages?: HttpTarget | undefined
  readonly clients: number
  readonly seconds: number
  readonly items: readonly { readonly slug: string; readonly sku: string; readonly listPath: string }[]
}

export interface FunnelLoad {
  readonly orders: number
  /** From the first request to the last answer. */
  readonly loadMs: number
  readonly funnel: LatencySummary
  readonly steps: Readonly<Record<Step, LatencySummary>>
  /** By step and status: what did not end in an order. */
  readonly failures: Readonly<Record<string, number>>
  readonly firstFailure: string | null
}

interface Tally {
  orders: number
  readonly funnelMs: number[]
  readonly stepMs: Record<Step, number[]>
  readonly failures: Record<string, number>
  firstFailure: string | null
}

export async function runFunnels(input: FunnelInput): Promise<FunnelLoad> {
  const tally: Tally = {
    orders: 0,
    funnelMs: [],
    stepMs: Object.fromEntries(STEPS.map(step => [step, [] as number[]])) as Tally['stepMs'],
    failures: {},
    firstFailure: null,
  }
  const startedAt = performance.now()
  const endAt = startedAt + input.seconds * 1000
  await Promise.all(
    Array.from({ length: input.clients }, async (_, client) => {
      const connection = openConnection(input.target)
      const pages = input.paymentPages && openConnection(input.paymentPages)
      for (let turn = client; performance.now() < endAt; turn += input.clients) {
        const item = input.items[turn % input.items.length]
        if (!item) throw new Error('no items to buy')
        const begunAt = performance.now()
        try {
          await buy({ connection, pages }, item, tally)
          tally.orders++
          tally.funnelMs.push(performance.now() - begunAt)
        } catch (error) {
          const { message } = error as Error
          const kind = error instanceof Refused ? message.slice(0, message.indexOf(':')) : 'connection'
          tally.failures[kind] = (tally.failures[kind] ?? 0) + 1
          tally.firstFailure ??= message
        }
      }
      connection.close()
      pages?.close()
    }),
  )
  return {
    orders: tally.orders,
    loadMs: Math.round(performance.now() - startedAt),
    funnel: summarize(tally.funnelMs),
    steps: Object.fromEntries(STEPS.map(step => [step, summarize(tally.stepMs[step])])) as Record<
      Step,
      LatencySummary
    >,
    failures: tally.failures,
    firstFailure: tally.firstFailure,
  }
}

async function buy(
  { connection, pages }: { connection: HttpConnection; pages: HttpConnection | undefined },
  item: FunnelInput['items'][number],
  tally: Tally,
): Promise<void> {
  const ask: Ask = async (step, method, path, headers, body) => {
    const sentAt = performance.now()
    const answer = await connection.send(method, `/api${path}`, headers, body && JSON.stringify(body))
    tally.stepMs[step].push(performance.now() - sentAt)
    if (answer.status !== 200 && answer.status !== 201)
      throw new Refused(`${step} ${answer.status}: ${answer.body.toString().slice(0, 500)}`)
    return answer.body
  }
  const guest = parse<{ token: string }>(await ask('guest', 'POST', '/guests', '', {}))
  const bearer = `authorization: Bearer ${guest.token}\r\n`
  await ask('list', 'GET', item.listPath, bearer)
  await ask('product', 'GET', `/products/${item.slug}`, bearer)
  const cart = parse<{ cartId: string }>(
    await ask('cart', 'POST', '/cart/lines', bearer, { sku: item.sku, quantity: 1 }),
  )
  const quote = parse<{ hash: string; shippingRateId: string }>(
    await ask('quote', 'POST', '/checkout/quote', bearer, { cartId: cart.cartId, country: 'DE' }),
  )
  const paid = parse<AnsweredCheckout>(
    await ask(
      'pay',
      'POST',
      '/checkout/pay',
      `${bearer}idempotency-key: ${randomUUID()}\r\n`,
      payRequest(cart.cartId, quote, pages ? 'card' : 'invoice'),
    ),
  )
  if (pages) await payOnPage(pages, paid, tally.stepMs.page)
  const order = pages ? await comeBack(ask, paid.checkoutId, bearer) : paid.orders[0]
  if (!order) throw new Refused(`pay without an order: ${JSON.stringify(paid)}`)
  await ask('order', 'GET', `/orders/${order.orderId}`, bearer)
}

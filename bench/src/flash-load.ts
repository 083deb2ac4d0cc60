import { randomUUID } from 'node:crypto'
import { type HttpConnection, type HttpTarget, openConnection } from './http-connection.ts'
import { type LatencySummary, summarize } from './latency.ts'
import { parse, payRequest } from './shop-requests.ts'

/** Runs in the load process: a crowd that has its carts and quotes ready and pays at once. */
export interface FlashInput {
  readonly target: HttpTarget
  readonly sku: string
  readonly buyers: number
  readonly concurrency: number
}

export interface FlashLoad {
  readonly orders: number
  /** Answers that said plainly that the item is gone. */
  readonly toldSoldOut: number
  /** Anything else, by status and code. */
  readonly others: Readonly<Record<string, number>>
  readonly firstOther: string | null
  /** From the first pay request to the last order's answer. */
  readonly soldOutAfterMs: number
  /** From the first pay request to the last answer to anybody. */
  readonly everybodyAnsweredAfterMs: number
  readonly winners: LatencySummary
  readonly losers: LatencySummary
}

interface Buyer {
  readonly headers: string
  readonly body: string
}

let ready: Buyer[] = []
let connections: HttpConnection[] = []

/** Guests, carts and quotes, with few connections: preparing is not what is measured. */
export async function prepareBuyers(input: FlashInput): Promise<number> {
  const buyers: Buyer[] = []
  let begun = 0
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      const connection = openConnection(input.target)
      while (begun++ < input.buyers) buyers.push(await prepareBuyer(connection, input.sku))
      connection.close()
    }),
  )
  ready = buyers
  connections = Array.from({ length: input.concurrency }, () => openConnection(input.target))
  await Promise.all(connections.map(connection => connection.send('GET', '/healthz')))
  return buyers.length
}

async function prepareBuyer(connection: HttpConnection, sku: string): Promise<Buyer> {
  const ask = async <Body>(path: string, headers: string, body: object): Promise<Body> => {
    const answer = await connection.send('POST', `/api${path}`, headers, JSON.stringify(body))
    if (answer.status !== 200 && answer.status !== 201)
      throw new Error(`${path} answered ${answer.status}: ${answer.body.toString().slice(0, 500)}`)
    return parse<Body>(answer.body)
  }
  const guest = await ask<{ token: string }>('/guests', '', {})
  const bearer = `authorization: Bearer ${guest.token}\r\n`
  const cart = await ask<{ cartId: string }>('/cart/lines', bearer, { sku, quantity: 1 })
  const quote = await ask<{ hash: string; shippingRateId: string }>('/checkout/quote', bearer, {
    cartId: cart.cartId,
    country: 'DE',
  })
  return {
    headers: `${bearer}idempotency-key: ${randomUUID()}\r\n`,
    body: JSON.stringify(payRequest(cart.cartId, quote)),
  }
}

export async function payAll(): Promise<FlashLoad> {
  const winnersMs: number[] = []
  const losersMs: number[] = []
  const others: Record<string, number> = {}
  let firstOther: string | null = null
  let lastOrderAt = 0
  let next = 0
  const startedAt = performance.now()
  await Promise.all(
    connections.map(async connection => {
      for (let buyer = ready[next++]; buyer; buyer = ready[next++]) {
        const sentAt = performance.now()
        const answer = await connection.send('POST', '/api/checkout/pay', buyer.headers, buyer.body)
        const tookMs = performance.now() - sentAt
        const said = parse<{ code?: string; state?: string; orders?: unknown[] }>(answer.body)
        if (answer.status === 200 && said.orders?.length === 1) {
          winnersMs.push(tookMs)
          lastOrderAt = performance.now()
        } else if (answer.status === 409 && said.code === 'insufficient-stock') {
          losersMs.push(tookMs)
        } else {
          const kind = `${answer.status} ${said.code ?? said.state}`
          others[kind] = (others[kind] ?? 0) + 1
          firstOther ??= answer.body.toString().slice(0, 500)
        }
      }
      connection.close()
    }),
  )
  return {
    orders: winnersMs.length,
    toldSoldOut: losersMs.length,
    others,
    firstOther,
    soldOutAfterMs: Math.round(lastOrderAt - startedAt),
    everybodyAnsweredAfterMs: Math.round(performance.now() - startedAt),
    winners: summarize(winnersMs),
    losers: summarize(losersMs),
  }
}

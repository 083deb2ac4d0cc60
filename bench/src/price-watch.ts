import { gunzipSync } from 'node:zlib'
import type { HttpAnswer } from './http-connection.ts'

/** Prices of the watched product only rise, so an answer is too old exactly when it shows less than it must. */
export interface PriceHistory {
  /** A price that was never written before. */
  next(): number
  /** Call when the write was acknowledged. */
  acknowledged(amount: number): void
  /** The least that an answer may show which was asked for at `startedAt` and may be `staleMs` old. */
  leastAt(startedAt: number, staleMs: number): number
  /** How long `amount` had been overtaken at `startedAt`, in ms; 0 when it was the newest. */
  ageOf(amount: number, startedAt: number): number
}

export function createPriceHistory(first: number): PriceHistory {
  const writes = [{ at: Number.NEGATIVE_INFINITY, amount: first }]
  let last = first
  return {
    next: () => ++last,
    acknowledged: amount => {
      writes.push({ at: performance.now(), amount })
    },
    leastAt(startedAt, staleMs) {
      return writes.findLast(write => write.at <= startedAt - staleMs)?.amount ?? first
    },
    ageOf(amount, startedAt) {
      // The newest first: what is asked about is nearly always among the last few.
      let overtakenAt = startedAt
      for (let index = writes.length - 1; index >= 0; index--) {
        const write = writes[index]
        if (!write || write.amount <= amount) break
        overtakenAt = write.at
      }
      return Math.max(0, startedAt - overtakenAt)
    },
  }
}

/** Six digits before the point: no other product costs that, so the price is found wherever a page shows it. */
export const WATCHED_PRICE_FROM = 40_000_000
const SHOWN = /€(\d{3},\d{3}\.\d{2})(?!\d)|["\s>](\d{6}\.\d{2})(?!\d)/g

/** The watched product's price in a JSON answer, or undefined when it is not in there. */
export function priceInJson(body: Buffer, slug: string): number | undefined {
  const at = body.indexOf(`"slug":"${slug}"`)
  if (at < 0) return undefined
  const amount = body.indexOf('"amount":', at)
  if (amount < 0) return undefined
  return Number.parseInt(body.toString('latin1', amount + 9, amount + 9 + 16), 10)
}

/** Reads pages, unpacking each distinct body once: a cached page comes thousands of times with the same bytes. */
export function createPageReader(): (answer: HttpAnswer) => number | undefined {
  let last: { body: Buffer; price: number | undefined } | undefined
  return answer => {
    if (last?.body.equals(answer.body)) return last.price
    last = { body: Buffer.from(answer.body), price: priceInPage(answer) }
    return last.price
  }
}

/** The oldest of the prices that the page shows: a page is as stale as its stalest part. */
function priceInPage({ head, body }: HttpAnswer): number | undefined {
  const packed = /\r\ncontent-encoding: gzip/i.test(head)
  const html = (packed ? gunzipSync(body) : body).toString()
  const amounts = Array.from(html.matchAll(SHOWN), ([, pretty, plain]) =>
    Number((pretty ?? plain ?? '').replace(/[,.]/g, '')),
  )
  return amounts.length > 0 ? Math.min(...amounts) : undefined
}

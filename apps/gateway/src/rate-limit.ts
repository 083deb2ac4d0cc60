import type { Clock } from '@storewright/kernel/clock'
import type { OperationMeta } from '@storewright/rpc/contract'

export type RateClass = NonNullable<OperationMeta['rateClass']>

/** A token bucket: `perSecond` refill it, `burst` is what it holds. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** A page makes up to six reads; a shopper clicks a few times a second at most; a link is tried a few times. */
const DEFAULT_RATES: Readonly<Record<RateClass, Rate>> = {
  read: { perSecond: 50, burst: 200 },
  write: { perSecond: 10, burst: 40 },
  checkout: { perSecond: 1, burst: 10 },
  credential: { perSecond: 5 / 60, burst: 5 },
}

/** About 100 bytes each: bounds memory, whoever knocks. */
const BUCKETS_MAX = 100_000

const UNIT_SECONDS = { s: 1, min: 60, h: 3600 } as const

/** `RATE_LIMIT_READ=50/s`, `5/min`, or with a burst `50/s:200`. Throws when one cannot be read. */
export function ratesFrom(config: Readonly<Record<string, string | undefined>>): Record<RateClass, Rate> {
  const rates = { ...DEFAULT_RATES }
  for (const rateClass of Object.keys(rates) as RateClass[]) {
    const name = `RATE_LIMIT_${rateClass.toUpperCase()}`
    const text = config[name]
    if (!text) continue
    const [, count, unit, burst] = /^([1-9]\d{0,8})\/(s|min|h)(?::([1-9]\d{0,8}))?$/.exec(text) ?? []
    if (!count || !unit) throw new Error(`${name} must look like 50/s, 5/min or 50/s:200, not ${text}`)
    rates[rateClass] = {
      perSecond: Number(count) / UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS],
      burst: Number(burst ?? Math.max(Number(count), DEFAULT_RATES[rateClass].burst)),
    }
  }
  return rates
}

export interface RateLimiter {
  /** Takes one; answers 0, or the whole seconds after which one will be there. */
  take(rateClass: RateClass, principal: string, share?: number): number
  /** Seconds as above, without taking. */
  peek(rateClass: RateClass, principal: string): number
}

/**
 * In memory and per process: behind several gateways the effective limit is that many times higher, which is
 * what limits against floods can afford; nothing that must hold exactly rests on them.
 */
export function createRateLimiter(rates: Readonly<Record<RateClass, Rate>>, clock: Clock): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>()

  function refill(key: string, rate: Rate): { tokens: number; at: number } {
    const now = clock.now()
    let bucket = buckets.get(key)
    if (!bucket) {
      if (buckets.size >= BUCKETS_MAX) {
        // The oldest tenth goes; a forgotten bucket is a full one.
        let spare = BUCKETS_MAX / 10
        for (const old of buckets.keys()) {
          if (spare-- <= 0) break
          buckets.delete(old)
        }
      }
      bucket = { tokens: rate.burst, at: now }
      buckets.set(key, bucket)
    }
    bucket.tokens = Math.min(
      rate.burst,
      bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * rate.perSecond,
    )
    bucket.at = now
    return bucket
  }

  function check(rateClass: RateClass, principal: string, share: number, cost: number): number {
    const base = rates[rateClass]
    const rate = share === 1 ? base : { perSecond: base.perSecond * share, burst: base.burst * share }
    const bucket = refill(`${rateClass} ${principal}`, rate)
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSecond))
    bucket.tokens -= cost
    return 0
  }

  return {
    take: (rateClass, principal, share = 1) => check(rateClass, principal, share, 1),
    peek: (rateClass, principal) => check(rateClass, principal, 1, 0),
  }
}

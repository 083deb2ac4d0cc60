import type { Refusal } from './address.ts'

/** What goes wrong for a recipient, decided by the part before the @ (README.md lists them). */
export type Trigger =
  | { readonly kind: 'refuse-recipient'; readonly refusal: Refusal; readonly times: number }
  | { readonly kind: 'refuse-data'; readonly refusal: Refusal; readonly times: number }
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'drop'; readonly times: number }

export const SLOW_MS = 3000
/** A client gives up long before a minute; a longer delay would only hold the connection. */
const SLOW_MS_MAX = 60_000

/** `tempfail@…` fails always, `tempfail-2@…` the first two times, `slow-500@…` waits 500 ms. A `+tag` is ignored. */
export function triggerOf(address: string): Trigger | undefined {
  const local = address.slice(0, address.lastIndexOf('@')).toLowerCase().replace(/\+.*$/, '')
  const match = /^(bounce|full|tempfail|spam|slow|drop)(?:-(\d{1,6}))?$/.exec(local)
  if (!match) return undefined
  const number = match[2] === undefined ? undefined : Number(match[2])
  const times = number ?? Infinity
  switch (match[1]) {
    case 'bounce':
      return recipient(550, `5.1.1 <${address}>: No such user here`, times)
    case 'full':
      return recipient(552, `5.2.2 <${address}>: Mailbox is full`, times)
    case 'tempfail':
      return recipient(451, `4.3.0 <${address}>: Temporary failure, try again later`, times)
    case 'spam':
      return { kind: 'refuse-data', refusal: { code: 554, message: '5.7.1 Message looks like spam' }, times }
    case 'slow':
      return { kind: 'delay', delayMs: Math.min(number ?? SLOW_MS, SLOW_MS_MAX) }
    default:
      return { kind: 'drop', times }
  }
}

function recipient(code: number, message: string, times: number): Trigger {
  return { kind: 'refuse-recipient', refusal: { code, message }, times }
}

/** Counts how often each address has already failed, so that `tempfail-2@…` recovers. Bounded: it forgets the oldest. */
export function createTriggerCount(maxAddresses = 10_000): (address: string, times: number) => boolean {
  const seen = new Map<string, number>()
  return (address, times) => {
    if (times === Infinity) return true
    const key = address.toLowerCase()
    const count = seen.get(key) ?? 0
    if (count >= times) return false
    seen.delete(key)
    seen.set(key, count + 1)
    if (seen.size > maxAddresses) {
      const oldest = seen.keys().next().value
      if (oldest !== undefined) seen.delete(oldest)
    }
    return true
  }
}

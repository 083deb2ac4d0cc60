import { randomFillSync } from 'node:crypto'
import { z } from 'zod'

/** Every kind of id in the house, alphabetical. A new aggregate starts with a line here. */
export const ID_PREFIXES = {
  apiKey: 'key',
  cart: 'crt',
  category: 'cat',
  checkout: 'chk',
  event: 'evt',
  guest: 'gst',
  location: 'loc',
  message: 'msg',
  order: 'ord',
  orderLine: 'oln',
  orderRefund: 'orf',
  payment: 'pay',
  paymentAttempt: 'pat',
  product: 'prd',
  refund: 'rfd',
  staff: 'stf',
  transfer: 'trf',
  vendor: 'vnd',
} as const

export type IdKind = keyof typeof ID_PREFIXES

/** `ord_01k…`: the kind's prefix and a UUIDv7 (RFC 9562) in Crockford base32, so that ids sort by time. */
export type Id<Kind extends IdKind> = `${(typeof ID_PREFIXES)[Kind]}_${string}`

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const BODY = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

export function newId<Kind extends IdKind>(kind: Kind, nowMs: number = Date.now()): Id<Kind> {
  return `${ID_PREFIXES[kind]}_${base32(uuid7(nowMs))}`
}

export function isId<Kind extends IdKind>(kind: Kind, value: string): value is Id<Kind> {
  const prefix = `${ID_PREFIXES[kind]}_`
  return value.startsWith(prefix) && BODY.test(value.slice(prefix.length))
}

/** A zod schema for one kind of id; the message names the expected prefix. */
export function idSchema<Kind extends IdKind>(kind: Kind) {
  return z
    .string()
    .max(64)
    .refine(value => isId(kind, value), { error: `must be an id that starts with ${ID_PREFIXES[kind]}_` })
    .transform(value => value as Id<Kind>)
    .describe(`id, ${ID_PREFIXES[kind]}_…`)
}

/** Random bytes are fetched for many ids at once: each fetch is a call into the kernel. */
const pool = Buffer.alloc(16 * 256)
let poolAt = pool.length

function uuid7(nowMs: number): Buffer {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const bytes = pool.subarray(poolAt, poolAt + 16)
  poolAt += 16
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  return bytes
}

/** 128 bits as 26 characters of 5 bits, the first carrying only 3. */
function base32(bytes: Buffer): string {
  let value = 0
  let bits = 2 // two leading zero bits make 130
  let text = ''
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >>> bits) & 31]
      value &= (1 << bits) - 1
    }
  }
  return text
}

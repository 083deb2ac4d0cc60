import { createHash, randomBytes } from 'node:crypto'

/** Bytes of randomness in every secret: nobody guesses 256 bits, so lookups need no slow hash. */
const SECRET_BYTES = 32

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** ⌈256 ÷ log₂ 62⌉ */
const KEY_LENGTH = 43
const API_KEY = /^sk_[0-9A-Za-z]{43}$/

/** `sk_` and 43 base62 characters: one double click selects it, and secret scanners know the prefix. */
export function newApiKey(): string {
  let value = BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`)
  let text = ''
  for (let i = 0; i < KEY_LENGTH; i++) {
    text = BASE62[Number(value % 62n)] + text
    value /= 62n
  }
  return `sk_${text}`
}

export function looksLikeApiKey(text: string): boolean {
  return API_KEY.test(text)
}

export function newLinkToken(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

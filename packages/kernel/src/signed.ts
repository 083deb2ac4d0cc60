import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/**
 * Values that leave the house and come back: guest cookies, order-tracking links.
 * One secret; a key per purpose by HKDF (RFC 5869), so a value signed for one purpose means nothing for another.
 */
export interface Signer {
  /** `value.signature`; the value stays readable. It must hold no dot. */
  sign(value: string): string
  /** The value, or undefined when the signature does not fit. Constant time. */
  verify(signed: string): string | undefined
}

export function createSigner(secret: string, purpose: string): Signer {
  const key = Buffer.from(hkdfSync('sha256', secret, 'storewright', purpose, 32))
  const mac = (value: string) => createHmac('sha256', key).update(value).digest('base64url')
  return {
    sign(value) {
      if (value.includes('.')) throw new RangeError('a signed value holds no dot')
      return `${value}.${mac(value)}`
    },
    verify(signed) {
      const dot = signed.lastIndexOf('.')
      if (dot <= 0 || signed.length > 512) return undefined
      const value = signed.slice(0, dot)
      const given = Buffer.from(signed.slice(dot + 1))
      const wanted = Buffer.from(mac(value))
      return given.length === wanted.length && timingSafeEqual(given, wanted) ? value : undefined
    },
  }
}

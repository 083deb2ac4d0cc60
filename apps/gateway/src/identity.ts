import type { Actor } from '@storewright/kernel/actor'
import type { Clock } from '@storewright/kernel/clock'
import { type Id, isId, newId } from '@storewright/kernel/ids'
import type { Signer } from '@storewright/kernel/signed'
import { CALL_TIMEOUT_MS } from '@storewright/rpc/context'
import { EdgeRefusal } from './edge-refusals.ts'
import type { ServiceClients } from './service-contracts.ts'

/** Carts live as long. */
const COOKIE_MAX_AGE_S = 30 * 24 * 3600

/** What a request presents, before anything was asked. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'cookie'; readonly guestId: Id<'guest'> }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'refused'; readonly refusal: EdgeRefusal }

export interface GuestCookies {
  /** On pages other schemes than Bearer are ignored: a password in front of a trial shop is the proxy's affair. */
  read(request: Request, on: 'page' | 'api'): Credentials
  /** A new guest and the Set-Cookie that makes the browser it. */
  create(): { guestId: Id<'guest'>; setCookie: string }
  verify(token: string): Id<'guest'> | undefined
}

export function createGuestCookies(signer: Signer, options: { https: boolean }): GuestCookies {
  // `__Host-`: the browser itself refuses it from subdomains, without Secure or with another path.
  const name = options.https ? '__Host-storewright_guest' : 'storewright_guest'
  const attributes = `Path=/; Max-Age=${COOKIE_MAX_AGE_S}; HttpOnly; SameSite=Lax${options.https ? '; Secure' : ''}`
  const verify = (token: string) => {
    const value = signer.verify(token)
    return value !== undefined && isId('guest', value) ? value : undefined
  }
  return {
    verify,
    read(request, on) {
      const cookie = cookieValue(request.headers.get('cookie'), name)
      const authorization = request.headers.get('authorization')
      if (authorization !== null && (on === 'api' || /^Bearer /i.test(authorization))) {
        if (cookie !== undefined) return { kind: 'refused', refusal: new EdgeRefusal('credentials-conflict') }
        const token = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(authorization)?.[1]
        return token ? { kind: 'bearer', token } : { kind: 'refused', refusal: invalidCredentials() }
      }
      // A forged or outdated cookie is no reason to turn a shopper away: it just proves nothing.
      const guestId = cookie === undefined ? undefined : verify(cookie)
      return guestId ? { kind: 'cookie', guestId } : { kind: 'none' }
    },
    create() {
      const guestId = newId('guest')
      return { guestId, setCookie: `${name}=${signer.sign(guestId)}; ${attributes}` }
    },
  }
}

function cookieValue(header: string | null, name: string): string | undefined {
  if (!header) return undefined
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}

export function invalidCredentials(): EdgeRefusal {
  return new EdgeRefusal('credentials-invalid', {
    headers: { 'www-authenticate': 'Bearer realm="storewright", error="invalid_token"' },
  })
}

export function authenticationRequired(): EdgeRefusal {
  return new EdgeRefusal('authentication-required', {
    headers: { 'www-authenticate': 'Bearer realm="storewright"' },
  })
}

/** A revoked key works for at most this long at a gateway that has just seen it. */
const KEY_CACHE_MS = 5_000
const KEYS_CACHED_MAX = 1_000
const API_KEY = /^sk_[0-9A-Za-z]{43}$/

export interface BearerResolver {
  /**
   * The actor behind a token, or undefined. `beforeLookup` runs before a key that is not cached is asked for,
   * `onUnknown` after one turned out not to exist.
   */
  resolve(
    token: string,
    traceId: string,
    guard: { beforeLookup(): void; onUnknown(): void },
  ): Promise<Actor | undefined>
}

export function createBearerResolver(
  auth: ServiceClients['auth'],
  guests: GuestCookies,
  clock: Clock,
): BearerResolver {
  const cache = new Map<string, { actor: Promise<Actor | undefined>; until: number }>()

  async function lookup(apiKey: string, traceId: string): Promise<Actor | undefined> {
    const found = await auth.authenticateApiKey(
      { apiKey },
      {
        // Not `gateway`: under that name services refuse internal operations, because there it speaks for visitors.
        context: {
          actor: { kind: 'system', service: 'gateway' },
          caller: 'edge-identity',
          deadlineAt: Date.now() + CALL_TIMEOUT_MS,
          traceId,
        },
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      },
    )
    return found ? { kind: 'staff', ...found } : undefined
  }

  return {
    async resolve(token, traceId, guard) {
      if (!token.startsWith('sk_')) {
        const guestId = guests.verify(token)
        return guestId ? { kind: 'guest', guestId } : undefined
      }
      if (!API_KEY.test(token)) return undefined
      const cached = cache.get(token)
      if (cached && cached.until > clock.now()) return cached.actor
      guard.beforeLookup()
      cache.delete(token)
      const [oldest] = cache.keys()
      if (cache.size >= KEYS_CACHED_MAX && oldest !== undefined) cache.delete(oldest)
      const actor = lookup(token, traceId)
      // The promise is kept, not its value: requests that arrive together ask once.
      cache.set(token, { actor, until: clock.now() + KEY_CACHE_MS })
      try {
        const found = await actor
        if (!found) {
          cache.delete(token)
          guard.onUnknown()
        }
        return found
      } catch (error) {
        cache.delete(token)
        throw error
      }
    },
  }
}

import { hkdfSync } from 'node:crypto'
import type { Actor } from '@storewright/kernel/actor'
import { jwtVerify, SignJWT } from 'jose'
import { CALL_TIMEOUT_MS, type CallContext } from './context.ts'

/**
 * Keys for calls between processes. The first signs; all verify, so that a new key can be rolled out before the
 * old one is dropped.
 */
export interface TokenKeys {
  readonly keys: readonly { readonly id: string; readonly secret: Uint8Array }[]
}

/** A token outlives its call by no more than this. */
const TOKEN_SECONDS = 60

/** `secrets`: newest first. */
export function tokenKeys(secrets: readonly string[]): TokenKeys {
  if (secrets.length === 0) throw new Error('at least one secret is needed to sign calls between services')
  return {
    keys: secrets.map(secret => {
      const key = new Uint8Array(hkdfSync('sha256', secret, 'storewright', 'service-token', 32))
      const id = Buffer.from(hkdfSync('sha256', secret, 'storewright', 'service-token-id', 6)).toString('hex')
      return { id, secret: key }
    }),
  }
}

/** Signs a call's context for one audience (JWT, HS256, RFC 7519). */
export async function signCall(keys: TokenKeys, audience: string, context: CallContext): Promise<string> {
  const [key] = keys.keys
  if (!key) throw new Error('no signing key')
  return new SignJWT({
    act: context.actor,
    idk: context.idempotencyKey,
    ddl: context.deadlineAt,
    trc: context.traceId,
  })
    .setProtectedHeader({ alg: 'HS256', kid: key.id })
    .setIssuer(context.caller)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .sign(key.secret)
}

/** The context of a call, or undefined when the token is missing, forged, stale or meant for another service. */
export async function verifyCall(
  keys: TokenKeys,
  audience: string,
  authorization: string | null,
): Promise<CallContext | undefined> {
  const token = authorization?.startsWith('Bearer ') ? authorization.slice(7) : undefined
  if (!token) return undefined
  try {
    const { payload } = await jwtVerify(
      token,
      header => {
        const key = keys.keys.find(candidate => candidate.id === header.kid)
        if (!key) throw new Error('unknown key id')
        return key.secret
      },
      {
        audience,
        algorithms: ['HS256'],
        maxTokenAge: `${TOKEN_SECONDS}s`,
        requiredClaims: ['iss', 'act', 'trc'],
      },
    )
    return {
      actor: payload.act as Actor,
      caller: payload.iss ?? 'unknown',
      idempotencyKey: payload.idk as string | undefined,
      deadlineAt: typeof payload.ddl === 'number' ? payload.ddl : Date.now() + CALL_TIMEOUT_MS,
      traceId: String(payload.trc),
    }
  } catch {
    return undefined
  }
}

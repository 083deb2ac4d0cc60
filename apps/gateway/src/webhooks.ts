import { CALL_TIMEOUT_MS, type CallContext } from '@storewright/rpc/context'
import { EdgeRefusal } from './edge-refusals.ts'
import { readText } from './read-input.ts'
import type { ServiceClients } from './service-contracts.ts'

/** Where payment providers report what happened: `POST /api/webhooks/stripe`. */
export const WEBHOOKS = '/webhooks/'

/** The largest events hold an object of some 10 kB. */
const BODY_MAX_BYTES = 256 * 1024

/**
 * Passes a provider's webhook on as it came: its signature covers the raw bytes, and is the only credential that counts
 * here. Answers 2xx when it has been stored, so that the provider sends again what was not.
 */
export async function receiveWebhook(
  clients: Pick<ServiceClients, 'payment'>,
  request: Request,
  at: { path: string; traceId: string; bodyTimeoutMs: number },
): Promise<void> {
  if (at.path !== `${WEBHOOKS}stripe`) throw new EdgeRefusal('not-found')
  if (request.method !== 'POST') throw new EdgeRefusal('method-not-allowed', { headers: { allow: 'POST' } })
  const body = await readText(request, { maxBytes: BODY_MAX_BYTES, timeoutMs: at.bodyTimeoutMs })
  const context: CallContext = {
    actor: { kind: 'system', service: 'webhooks' },
    caller: 'webhooks',
    deadlineAt: Date.now() + CALL_TIMEOUT_MS,
    traceId: at.traceId,
  }
  const signature = request.headers.get('stripe-signature') ?? ''
  await clients.payment.receiveWebhook({ provider: 'stripe', body, signature }, { context })
}

import type { Id } from '@storewright/kernel/ids'

export type MessageState = 'queued' | 'sending' | 'sent' | 'failed'

/** What became of one try. */
export type SendOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'temporary'; readonly error: string }
  | { readonly kind: 'permanent'; readonly error: string }

export const RETRY_BASE_MS = 2000
/** A mail server that is back should not wait long for the mail. */
export const RETRY_MAX_MS = 15 * 60_000
/** As long as a weekend without anybody at the mail server; RFC 5321 §4.5.4.1 suggests 4 to 5 days for relays. */
export const GIVE_UP_AFTER_MS = 3 * 24 * 3_600_000

/** Before the next try, after this many. A spread of 20 % keeps a thousand messages from returning as one. */
export function retryDelayMs(attempts: number, random: number): number {
  const delay = Math.min(RETRY_BASE_MS * 2 ** Math.min(attempts - 1, 20), RETRY_MAX_MS)
  return Math.round(delay * (0.9 + 0.2 * random))
}

export function stateAfter(outcome: SendOutcome, waitedMs: number): MessageState {
  if (outcome.kind === 'sent') return 'sent'
  return outcome.kind === 'permanent' || waitedMs >= GIVE_UP_AFTER_MS ? 'failed' : 'queued'
}

/**
 * Made from the message alone, so that a message sent twice by a crash arrives with the same Message-ID, by which
 * mail programs show it once (RFC 5322 §3.6.4). `domain` is the sender's.
 */
export function messageIdHeader(message: { id: Id<'message'>; resends: number }, domain: string): string {
  const suffix = message.resends === 0 ? '' : `.${message.resends}`
  return `<${message.id}${suffix}@${domain}>`
}

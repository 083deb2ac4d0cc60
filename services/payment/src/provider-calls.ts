import type { Id } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import { ProviderFault, ProviderRefusal } from './stripe.ts'

type CallKind = 'open-page' | 'create-intent' | 'confirm-intent' | 'capture' | 'void' | 'refund'
type CallState = 'sent' | 'done' | 'refused' | 'faulted'

export interface ProviderCall {
  readonly paymentId: Id<'payment'>
  readonly kind: CallKind
  /** What is to be done once: `<checkoutId>:capture`. */
  readonly command: string
  readonly amount?: number
}

export interface RecordedCall {
  /** Given to the provider with the call: the same key is the same command there. */
  readonly key: string
  /** An earlier try was answered with a fault: whether it took effect must be asked before this one is sent. */
  readonly isRepeated: boolean
}

/**
 * Written before the provider is asked, in the transaction that decides to ask: a crash leaves a trace. A try without
 * an answer is repeated with its key; one that was answered with a refusal or a fault would get that answer for ever
 * (https://docs.stripe.com/api/idempotent_requests), so the next try has the next key.
 */
export async function recordCall(sql: Sql, call: ProviderCall): Promise<RecordedCall> {
  const { paymentId, kind, command, amount } = call
  const [counted] = await sql.query<{ answered: number; faulted: number }>(
    `select count(*)::int as answered, count(*) filter (where state = 'faulted')::int as faulted
     from provider_call where command = $1 and state in ('refused', 'faulted')`,
    [command],
  )
  const key = `${command}:${1 + (counted?.answered ?? 0)}`
  await sql.query(
    `insert into provider_call (idempotency_key, payment_id, kind, command, amount) values ($1, $2, $3, $4, $5)
     on conflict (idempotency_key) do nothing`,
    [key, paymentId, kind, command, amount ?? null],
  )
  return { key, isRepeated: (counted?.faulted ?? 0) > 0 }
}

/**
 * Waits for a call and writes its outcome down. A refusal or a fault rejects as it came; without any answer the call
 * stays `sent`.
 */
export async function withOutcome<Answer>(sql: Sql, key: string, call: Promise<Answer>): Promise<Answer> {
  try {
    const answer = await call
    await recordOutcome(sql, key, 'done', null)
    return answer
  } catch (error) {
    if (error instanceof ProviderRefusal) await recordOutcome(sql, key, 'refused', error.message)
    if (error instanceof ProviderFault) await recordOutcome(sql, key, 'faulted', error.message)
    throw error
  }
}

async function recordOutcome(sql: Sql, key: string, state: CallState, detail: string | null): Promise<void> {
  await sql.query(
    `update provider_call set state = $2, detail = $3, updated_at = now() where idempotency_key = $1`,
    [key, state, detail],
  )
}

export function callsOf(
  sql: Sql,
  paymentId: Id<'payment'>,
): Promise<{ kind: CallKind; state: CallState; detail: string | null; created_at: Date }[]> {
  return sql.query(
    `select kind, state, detail, created_at from provider_call where payment_id = $1 order by created_at`,
    [paymentId],
  )
}

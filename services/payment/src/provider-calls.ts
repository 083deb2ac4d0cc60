import type { Id } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'

type CallKind = 'open-page' | 'capture' | 'void' | 'refund'

export interface ProviderCall {
  readonly paymentId: Id<'payment'>
  readonly kind: CallKind
  /** Given to the provider with the call: the same key is the same command there. */
  readonly key: string
  readonly amount?: number
}

/** Written before the provider is asked, in the transaction that decides to ask: a crash leaves a trace. */
export async function recordCall(sql: Sql, call: ProviderCall): Promise<void> {
  await sql.query(
    `insert into provider_call (idempotency_key, payment_id, kind, amount) values ($1, $2, $3, $4)
     on conflict (idempotency_key) do nothing`,
    [call.key, call.paymentId, call.kind, call.amount ?? null],
  )
}

/** A call without an outcome stays `sent`: whether it took effect is asked of the provider. */
export async function recordOutcome(
  sql: Sql,
  key: string,
  outcome: { state: 'done' | 'refused'; detail?: string },
): Promise<void> {
  await sql.query(
    `update provider_call set state = $2, detail = $3, updated_at = now() where idempotency_key = $1`,
    [key, outcome.state, outcome.detail ?? null],
  )
}

/** How many commands of this kind were refused: the next one is another command with another key. */
export async function countRefused(sql: Sql, paymentId: Id<'payment'>, kind: CallKind): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    `select count(*)::int as count from provider_call where payment_id = $1 and kind = $2 and state = 'refused'`,
    [paymentId, kind],
  )
  return row?.count ?? 0
}

export function callsOf(
  sql: Sql,
  paymentId: Id<'payment'>,
): Promise<
  { kind: CallKind; state: 'sent' | 'done' | 'refused'; detail: string | null; created_at: Date }[]
> {
  return sql.query(
    `select kind, state, detail, created_at from provider_call where payment_id = $1 order by created_at`,
    [paymentId],
  )
}

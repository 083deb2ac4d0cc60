import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { Sql } from '@storewright/postgres/sql'

export type Account = 'customer' | 'merchant' | 'provider' | 'disputed'

export interface NewTransfer {
  readonly paymentId: Id<'payment'>
  readonly kind: 'capture' | 'refund' | 'refund-failed' | 'dispute' | 'dispute-won' | 'dispute-lost'
  /** What is booked; the same cause is booked once. */
  readonly cause: string
  readonly currency: Currency
  /** Minor units; they sum to zero, or the database refuses them. */
  readonly entries: readonly { readonly account: Account; readonly amount: number }[]
}

/**
 * Books one transfer with all its entries in one statement, in the transaction of what it books. The unique cause makes
 * booking twice a failure of the whole transaction, never a second entry.
 */
export async function bookTransfer(sql: Sql, transfer: NewTransfer): Promise<void> {
  const { paymentId, kind, cause, currency, entries } = transfer
  await sql.query(
    `with booked as (
       insert into transfer (transfer_id, payment_id, kind, cause) values ($1, $2, $3, $4) returning transfer_id
     )
     insert into ledger_entry (transfer_id, account, amount, currency)
     select booked.transfer_id, entry.account, entry.amount, $7
     from booked, unnest($5::text[], $6::bigint[]) as entry (account, amount)`,
    [
      newId('transfer'),
      paymentId,
      kind,
      cause,
      entries.map(({ account }) => account),
      entries.map(({ amount }) => amount),
      currency,
    ],
  )
}

export interface LedgerRow {
  readonly kind: string
  readonly account: Account
  readonly amount: number
  readonly currency: Currency
  readonly at: Date
}

export function ledgerOf(sql: Sql, paymentId: Id<'payment'>): Promise<LedgerRow[]> {
  return sql.query<LedgerRow>(
    `select kind, account, amount, currency, at from transfer join ledger_entry using (transfer_id)
     where payment_id = $1 order by transfer_id, amount`,
    [paymentId],
  )
}

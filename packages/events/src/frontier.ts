import type { Database } from '@storewright/postgres/sql'

/**
 * Positions are drawn before commit, so a row may appear below positions already seen: "greater than the last one"
 * would skip it. But every row above the floor must be found without walking again over all that another, slower
 * consumer has not yet taken. So the floor is a position that no transaction can still write below:
 *
 * read the sequence (position L), then draw a transaction id (N). A transaction that starts later has an id above N
 * and draws positions above L. Once no transaction up to N is running, everything at or below L is decided.
 */
export interface Frontier {
  /** Every row at or below this position is committed or never will be. */
  readonly settled: () => number
  advance(): Promise<void>
}

export function createFrontier(database: Database): Frontier {
  let settled = 0
  let candidate: { position: number; transactionId: string } | undefined

  return {
    settled: () => settled,
    async advance() {
      if (candidate) {
        const [row] = await database.query<{ decided: boolean }>(
          'select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 as decided',
          [candidate.transactionId],
        )
        if (!row?.decided) return
        settled = candidate.position
      }
      // Two statements, in this order.
      const [sequence] = await database.query<{ position: number }>(
        `select case when is_called then last_value else 0 end as position from outbox_position_seq`,
        [],
      )
      const position = sequence?.position ?? 0
      if (position === settled) {
        candidate = undefined
        return
      }
      const [drawn] = await database.query<{ id: string }>('select pg_current_xact_id()::text as id', [])
      candidate = drawn && { position, transactionId: drawn.id }
    },
  }
}

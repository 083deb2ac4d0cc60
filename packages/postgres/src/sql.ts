/** What every SQL function takes: a pool (each query on its own) or a transaction (all or nothing). */
export interface Sql {
  /** Runs one statement. `text` must be constant per call site: it is prepared once per connection. */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>
}

export interface TransactionOptions {
  /** How long its statements may run, where that is longer than any statement of a request: migrations. */
  readonly longStatementsMs?: number
}

/** A service's database: its own schema under its own role. */
export interface Database extends Sql {
  /** Commits when `work` resolves, rolls back when it rejects; the rejection reaches the caller unchanged. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>, options?: TransactionOptions): Promise<Result>
  close(): Promise<void>
}

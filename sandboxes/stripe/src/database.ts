import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    status TEXT,
    payment_intent TEXT,
    charge TEXT,
    source TEXT,
    body TEXT NOT NULL,
    hidden TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS object_type ON object (type, seq);
  CREATE INDEX IF NOT EXISTS object_intent ON object (payment_intent, type) WHERE payment_intent IS NOT NULL;
  CREATE INDEX IF NOT EXISTS object_charge ON object (charge, type) WHERE charge IS NOT NULL;
  CREATE INDEX IF NOT EXISTS object_source ON object (source) WHERE source IS NOT NULL;

  -- What the clock does: expiries, disputes, refunds that fail. By the sandbox's clock, in milliseconds.
  CREATE TABLE IF NOT EXISTS task (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    due_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS task_due ON task (due_at);

  CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    parameters TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;

  -- By the machine's clock: advancing the sandbox's must not hurry a retry.
  CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    answer TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE state = 'pending';
  CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event_id);

  CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`

type Parameter = string | number | null
export type Row = Record<string, string | number | null>

/** One writer, synchronous: a request is a transaction, and no two are ever half done at once. */
export class Database {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true })
    this.#db = new DatabaseSync(join(dir, 'stripe.sqlite'))
    // NORMAL: a killed process loses nothing; a power cut may lose the last requests.
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
    this.#db.exec(SCHEMA)
  }

  rows(sql: string, ...parameters: readonly Parameter[]): Row[] {
    return this.#statement(sql).all(...parameters) as Row[]
  }

  /** One at a time, for a search that stops early. */
  *each(sql: string, ...parameters: readonly Parameter[]): Generator<Row> {
    for (const row of this.#db.prepare(sql).iterate(...parameters)) yield row as Row
  }

  row(sql: string, ...parameters: readonly Parameter[]): Row | undefined {
    return this.#statement(sql).get(...parameters) as Row | undefined
  }

  run(sql: string, ...parameters: readonly Parameter[]): number {
    return Number(this.#statement(sql).run(...parameters).changes)
  }

  /** `keep` decides whether what was written before an error stays. */
  transaction<T>(work: () => T, keep: (error: unknown) => boolean = () => false): T {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#db.exec(keep(error) ? 'COMMIT' : 'ROLLBACK')
      throw error
    }
  }

  setting<T>(name: string): T | undefined {
    const row = this.row('SELECT value FROM setting WHERE name = ?', name)
    return row && (JSON.parse(String(row.value)) as T)
  }

  set(name: string, value: unknown): void {
    this.run('INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)', name, JSON.stringify(value))
  }

  close(): void {
    this.#db.close()
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

import { createHash } from 'node:crypto'
import pg from 'pg'
import { isStalePlan, isUnanswered } from './errors.ts'
import { type Log, SILENT } from './log.ts'
import type { Database, Sql, TransactionOptions } from './sql.ts'

/** A statement that runs longer is a bug or a missing index; it must not hold a connection and its locks. */
const STATEMENT_TIMEOUT_MS = 30_000
/** Between two statements of a transaction only our own code runs; a hung one would hold row locks forever. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
/**
 * What the server has not answered by then it never will: it would have ended the statement itself. A network that
 * swallows packets without a word tells nobody; without this a lane would wait for minutes.
 */
const ANSWER_GRACE_MS = 5_000
/** The kernel asks a silent peer from then on, so that a statement allowed to run for hours notices a dead server. */
const KEEP_ALIVE_AFTER_MS = 10_000
/** How long a caller waits for a free connection: longer than any burst we accept, shorter than an HTTP timeout. */
const CONNECT_TIMEOUT_MS = 5_000
/** Idle connections go back to the server, so that a quiet service costs none. */
const IDLE_CONNECTION_MS = 10_000

export interface DatabaseOptions {
  url: string
  /** The service: shown by `pg_stat_activity.application_name` as `storewright:<name>`. */
  name: string
  maxConnections: number
  /**
   * False behind a transaction pooler such as PgBouncer: no named statements and no startup parameters, which
   * it would refuse; set the two timeouts on the role there.
   */
  prepare?: boolean
  /** Instead of STATEMENT_TIMEOUT_MS and ANSWER_GRACE_MS. */
  statementTimeoutMs?: number
  answerGraceMs?: number
  log?: Log
}

/**
 * A lazily opened pool. A statement given `values` (also `[]`) is prepared once per connection under a name made
 * from its text. Without `values` it goes as a simple query, which alone may hold several statements (migrations).
 * int8 arrives as number, and throws when that would lose digits; numeric and date as string; timestamptz as Date.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const prepare = options.prepare ?? true
  const log = options.log ?? SILENT
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
  const answerGraceMs = options.answerGraceMs ?? ANSWER_GRACE_MS
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: `storewright:${options.name}`,
    max: options.maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    query_timeout: statementTimeoutMs + answerGraceMs,
    types: { getTypeParser },
    ...(prepare && {
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
      // Every text is constant and prepared once. Left to itself, Postgres plans some of them at each call, which
      // took up to ten times as long as running them.
      options: '-c plan_cache_mode=force_generic_plan',
    }),
  })
  pool.on('error', error => log.warn(`database ${options.name}: idle connection lost: ${error.message}`))
  // pg removes its own listener while a connection is checked out; an unheard 'error' would end the process.
  pool.on('connect', client =>
    client.on('error', error => log.warn(`database ${options.name}: connection lost: ${error.message}`)),
  )

  async function query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    const client = await pool.connect()
    try {
      const rows = await run<Row>(client, prepare, text, values)
      client.release()
      return rows
    } catch (error) {
      const stale = isStalePlan(error)
      client.release(stale || isUnanswered(error))
      if (stale) return retryUnprepared<Row>(text, values)
      throw error
    }
  }

  async function retryUnprepared<Row extends object>(text: string, values?: readonly unknown[]) {
    const result = await pool.query<Row>(text, values === undefined ? undefined : [...values])
    return result.rows
  }

  async function transaction<Result>(
    work: (sql: Sql) => Promise<Result>,
    { longStatementsMs }: TransactionOptions = {},
  ): Promise<Result> {
    const client = await pool.connect()
    const answerMs = longStatementsMs === undefined ? undefined : longStatementsMs + answerGraceMs
    let over = false
    let silent = false
    const sql: Sql = {
      query: async <Row extends object>(text: string, values?: readonly unknown[]) => {
        if (over) throw new Error('this transaction is over: await every query inside it')
        return run<Row>(client, prepare, text, values, answerMs).catch((error: unknown) => {
          silent ||= isUnanswered(error) // whatever `work` makes of it
          throw error
        })
      },
    }
    try {
      await client.query('begin')
      if (longStatementsMs !== undefined)
        await client.query(`set local statement_timeout = ${Math.round(longStatementsMs)}`)
      const result = await work(sql)
      over = true
      const { command } = await client.query('commit')
      // Postgres answers COMMIT of a failed transaction with ROLLBACK and no error: `work` swallowed one.
      if (command !== 'COMMIT')
        throw new Error('the transaction was rolled back: a statement in it had failed')
      client.release()
      return result
    } catch (error) {
      over = true
      // Behind a statement without an answer a rollback would wait as long again; the server does it when we hang up.
      const clean =
        !(silent || isUnanswered(error)) &&
        (await client.query('rollback').then(
          () => true,
          () => false,
        ))
      client.release(!clean || isStalePlan(error))
      throw error
    }
  }

  let closing: Promise<void> | undefined
  return {
    query,
    transaction,
    close: () => {
      closing ??= pool.end()
      return closing
    },
  }
}

async function run<Row extends object>(
  client: pg.PoolClient,
  prepare: boolean,
  text: string,
  values: readonly unknown[] | undefined,
  answerMs?: number,
): Promise<Row[]> {
  const patience = answerMs === undefined ? {} : { query_timeout: answerMs }
  if (values === undefined) {
    const simple: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await client.query<Row>({ text, ...patience })
    return Array.isArray(simple) ? [] : simple.rows // a list when the text held several statements
  }
  const statement = { text, values: [...values], ...patience }
  const result = await client.query<Row>(prepare ? { name: statementName(text), ...statement } : statement)
  return result.rows
}

/** Texts are constant per call site, so this map is as small as the code base. */
const statementNames = new Map<string, string>()

function statementName(text: string): string {
  let name = statementNames.get(text)
  if (name === undefined) {
    name = `s_${createHash('sha256').update(text).digest('base64url').slice(0, 32)}`
    statementNames.set(text, name)
  }
  return name
}

const INT8 = 20
const INT8_ARRAY = 1016
const DATE = 1082

function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (format !== 'binary') {
    if (oid === INT8) return safeInteger
    if (oid === INT8_ARRAY) return safeIntegers
    // pg would make midnight in the server's own time zone of it.
    if (oid === DATE) return (text: string) => text
  }
  return format === undefined ? pg.types.getTypeParser(oid) : pg.types.getTypeParser(oid, format as 'text')
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} is beyond the safe integers`)
  return value
}

// pg's own list of type ids has no arrays, though its table of parsers does.
const parseStrings = pg.types.getTypeParser(INT8_ARRAY as number as typeof INT8)

function safeIntegers(text: string): (number | null)[] {
  const items: (string | null)[] = parseStrings(text)
  return items.map(item => (item === null ? null : safeInteger(item)))
}

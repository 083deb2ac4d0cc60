import { randomBytes } from 'node:crypto'
import type { Database, Row } from './database.ts'
import { noSuch } from './stripe-error.ts'

/** Anything with an id that the API answers. Fields that no rule looks at are known to the description alone. */
export interface StripeObject {
  readonly id: string
  readonly object: string
  [field: string]: unknown
}

/** `hidden` is what Stripe knows about an object and does not tell. */
export interface Stored<T extends StripeObject, H = unknown> {
  readonly body: T
  readonly hidden: H
}

export interface ObjectFilter {
  readonly type: string
  readonly payment_intent?: string | undefined
  readonly charge?: string | undefined
  readonly source?: string | undefined
  readonly status?: string | undefined
}

const COLUMNS = ['payment_intent', 'charge', 'source', 'status'] as const

export class Objects {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  insert<T extends StripeObject & { created: number }>(body: T, hidden: unknown = {}): T {
    const values = COLUMNS.map(name => columnOf(body, name))
    this.#db.run(
      'INSERT INTO object (id, type, created, payment_intent, charge, source, status, body, hidden) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      body.id,
      body.object,
      body.created,
      ...values,
      JSON.stringify(body),
      JSON.stringify(hidden),
    )
    return body
  }

  save(body: StripeObject, hidden?: unknown): void {
    const values = COLUMNS.map(name => columnOf(body, name))
    this.#db.run(
      'UPDATE object SET payment_intent = ?, charge = ?, source = ?, status = ?, body = ? WHERE id = ?',
      ...values,
      JSON.stringify(body),
      body.id,
    )
    if (hidden !== undefined)
      this.#db.run('UPDATE object SET hidden = ? WHERE id = ?', JSON.stringify(hidden), body.id)
  }

  remove(id: string): void {
    this.#db.run('DELETE FROM object WHERE id = ?', id)
  }

  find<T extends StripeObject, H = unknown>(id: string, type?: string): Stored<T, H> | undefined {
    const row = this.#db.row('SELECT type, body, hidden FROM object WHERE id = ?', id)
    return row && (type === undefined || row.type === type) ? storedOf<T, H>(row) : undefined
  }

  /** For an id that the sandbox wrote itself. */
  get<T extends StripeObject, H = unknown>(id: string): Stored<T, H> {
    const found = this.find<T, H>(id)
    if (!found) throw new Error(`the object ${id} is not in the database`)
    return found
  }

  /** For an id that a caller named. */
  demand<T extends StripeObject, H = unknown>(type: string, id: string, param?: string): Stored<T, H> {
    const found = this.find<T, H>(id, type)
    if (!found) throw noSuch(type.replace('.', ' ').replace('payment_method', 'PaymentMethod'), id, param)
    return found
  }

  /** Newest first. */
  list<T extends StripeObject, H = unknown>(filter: ObjectFilter, limit = 1000): Stored<T, H>[] {
    const names = COLUMNS.filter(name => filter[name] !== undefined)
    const where = ['type = ?', ...names.map(name => `${name} = ?`)].join(' AND ')
    const values = [filter.type, ...names.map(name => filter[name] ?? null)]
    const sql = `SELECT body, hidden FROM object WHERE ${where} ORDER BY seq DESC LIMIT ?`
    return this.#db.rows(sql, ...values, limit).map(row => storedOf<T, H>(row))
  }
}

function storedOf<T extends StripeObject, H>(row: Row): Stored<T, H> {
  return { body: JSON.parse(String(row.body)) as T, hidden: JSON.parse(String(row.hidden)) as H }
}

function columnOf(body: StripeObject, name: (typeof COLUMNS)[number]): string | null {
  // Events are asked for by type, everything else by its status.
  const value = body[name === 'status' && body.object === 'event' ? 'type' : name]
  return typeof value === 'string' ? value : null
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

export function newId(prefix: string, length = 24): string {
  const bytes = randomBytes(length)
  return `${prefix}_${Array.from(bytes, byte => ALPHABET[byte % ALPHABET.length]).join('')}`
}

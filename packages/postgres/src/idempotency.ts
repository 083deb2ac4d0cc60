import { createHash } from 'node:crypto'
import type { Sql } from './sql.ts'

/** The same key came with another body: a bug of the caller, who must choose a new key per command. */
export class IdempotencyKeyReused extends Error {
  constructor(operation: string) {
    super(`the idempotency key of this ${operation} was used before with a different body`)
    this.name = 'IdempotencyKeyReused'
  }
}

export interface Command {
  /** Keys of different principals never meet. */
  principal: string
  operation: string
  key: string
  /** `hashBody` of the input. */
  bodyHash: string
}

/** One run deletes this many rows at most per statement: short locks, and a bounded write-ahead log burst. */
const DELETE_BATCH = 5_000

/**
 * Does `work` once per key and keeps its reply in the same transaction: `sql` must be one, read committed. The same
 * command sent again, also at the same time, waits for the first and gets its reply. When `work` rejects, the
 * transaction rolls back and the key is free again. `Reply` must survive JSON: no Date, no undefined fields.
 */
export async function once<Reply>(
  sql: Sql,
  command: Command,
  work: () => Promise<Reply>,
): Promise<{ reply: Reply; replayed: boolean }> {
  const { principal, operation, key, bodyHash } = command
  // The insert is the lock: a second one of the same key waits here until the first commits or rolls back.
  const inserted = await sql.query(
    `insert into idempotency (principal, operation, key, body_hash) values ($1, $2, $3, $4)
     on conflict do nothing returning true as first`,
    [principal, operation, key, bodyHash],
  )
  if (inserted.length === 0) return { reply: await storedReply<Reply>(sql, command), replayed: true }
  const reply = await work()
  await sql.query(
    `update idempotency set reply = $4::jsonb where principal = $1 and operation = $2 and key = $3`,
    [principal, operation, key, JSON.stringify(reply) ?? null],
  )
  return { reply, replayed: false }
}

/** Forgets keys older than `hours`; returns how many. Meant for a job, not for a request. */
export async function deleteExpiredKeys(sql: Sql, hours: number): Promise<number> {
  let total = 0
  for (;;) {
    const [batch] = await sql.query<{ deleted: number }>(
      `with expired as (
         select principal, operation, key from idempotency
         where created_at < now() - make_interval(hours => $1)
         order by created_at limit $2 for update skip locked
       ), gone as (
         delete from idempotency using expired
         where idempotency.principal = expired.principal and idempotency.operation = expired.operation
           and idempotency.key = expired.key
         returning 1
       )
       select count(*) as deleted from gone`,
      [hours, DELETE_BATCH],
    )
    const deleted = batch?.deleted ?? 0
    total += deleted
    if (deleted < DELETE_BATCH) return total
  }
}

/** SHA-256 over JSON with sorted keys, so that two writings of the same body are the same. */
export function hashBody(value: unknown): string {
  const canonical = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
  return createHash('sha256')
    .update(canonical ?? '')
    .digest('hex')
}

async function storedReply<Reply>(
  sql: Sql,
  { principal, operation, key, bodyHash }: Command,
): Promise<Reply> {
  const [row] = await sql.query<{ body_hash: string; reply: Reply }>(
    'select body_hash, reply from idempotency where principal = $1 and operation = $2 and key = $3',
    [principal, operation, key],
  )
  if (!row) throw new Error(`the idempotency key of this ${operation} expired while it was being read`)
  if (row.body_hash !== bodyHash) throw new IdempotencyKeyReused(operation)
  return row.reply
}

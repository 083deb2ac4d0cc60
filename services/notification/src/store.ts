import type { Id } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import type { MessageState } from './domain.ts'

export interface NewMessage {
  readonly id: Id<'message'>
  readonly kind: 'order-confirmation'
  readonly recipient: string
  readonly subject: string
  readonly aboutId: string
  readonly payload: unknown
}

export interface MessageRow {
  readonly id: Id<'message'>
  readonly kind: 'order-confirmation'
  readonly channel: 'email'
  readonly recipient: string
  readonly subject: string
  readonly about_id: string
  readonly state: MessageState
  readonly attempts: number
  readonly last_error: string | null
  readonly created_at: Date
  readonly sent_at: Date | null
}

export interface ClaimedMessage {
  readonly id: Id<'message'>
  readonly kind: 'order-confirmation'
  readonly recipient: string
  readonly payload: unknown
  readonly attempts: number
  readonly resends: number
  readonly epoch: number
  readonly waitedMs: number
}

export interface Finished {
  readonly id: Id<'message'>
  readonly epoch: number
  readonly state: MessageState
  readonly error: string | null
  /** When the state is `queued`: how long until the next try. */
  readonly retryInMs: number
}

const COLUMNS =
  'id, kind, channel, recipient, subject, about_id, state, attempts, last_error, created_at, sent_at'

/** One message per thing it speaks of and kind: hearing of an order twice writes nothing the second time. */
export async function insertMessages(sql: Sql, messages: readonly NewMessage[]): Promise<void> {
  await sql.query(
    `insert into message (id, kind, channel, recipient, subject, about_id, payload)
     select new.id, new.kind, 'email', new.recipient, new.subject, new.about_id, new.payload::jsonb
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
       as new (id, kind, recipient, subject, about_id, payload)
     order by new.about_id, new.kind
     on conflict (about_id, kind) do nothing`,
    [
      messages.map(message => message.id),
      messages.map(message => message.kind),
      messages.map(message => message.recipient),
      messages.map(message => message.subject),
      messages.map(message => message.aboutId),
      messages.map(message => JSON.stringify(message.payload)),
    ],
  )
}

/**
 * Takes what is due: waiting messages, and those whose sender has not been heard of for `leaseMs`. Locks only rows
 * nobody else holds, so that any number of processes claim at once.
 */
export async function claimDue(
  sql: Sql,
  wanted: { limit: number; leaseMs: number; except: readonly Id<'message'>[] },
): Promise<ClaimedMessage[]> {
  return sql.query<ClaimedMessage>(
    `with due as (
       select id from message where state in ('queued', 'sending') and due_at <= now() and id <> all ($3::text[])
       order by due_at limit $1 for update skip locked)
     update message set state = 'sending', attempts = attempts + 1, epoch = epoch + 1,
       due_at = now() + $2 * interval '1 ms'
     from due where message.id = due.id
     returning message.id, kind, recipient, payload, attempts, resends, epoch,
       (extract(epoch from now() - queued_at) * 1000)::float8 as "waitedMs"`,
    [wanted.limit, wanted.leaseMs, wanted.except],
  )
}

/** Keeps what is under way from being taken for abandoned; what somebody else has claimed since stays his. */
export async function renewClaims(
  sql: Sql,
  held: readonly Pick<ClaimedMessage, 'id' | 'epoch'>[],
  leaseMs: number,
): Promise<void> {
  await sql.query(
    `update message set due_at = now() + $3 * interval '1 ms'
     from unnest($1::text[], $2::bigint[]) as held (id, epoch)
     where message.id = held.id and message.epoch = held.epoch and message.state = 'sending'`,
    [held.map(({ id }) => id), held.map(({ epoch }) => epoch), leaseMs],
  )
}

/** Records results. A message that somebody else has claimed since, or staff has queued anew, stays as it is. */
export async function finishMessages(sql: Sql, finished: readonly Finished[]): Promise<void> {
  await sql.query(
    `update message set state = done.state, last_error = done.error,
       sent_at = case when done.state = 'sent' then now() else sent_at end,
       due_at = now() + done.retry_in_ms * interval '1 ms'
     from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::float8[])
       as done (id, epoch, state, error, retry_in_ms)
     where message.id = done.id and message.epoch = done.epoch and message.state = 'sending'`,
    [
      finished.map(item => item.id),
      finished.map(item => item.epoch),
      finished.map(item => item.state),
      finished.map(item => item.error),
      finished.map(item => item.retryInMs),
    ],
  )
}

export async function listMessageRows(
  sql: Sql,
  page: { state: MessageState | null; before: Id<'message'> | null; limit: number },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${COLUMNS} from message
     where ($1::text is null or state = $1) and ($2::text is null or id < $2)
     order by id desc limit $3`,
    [page.state, page.before, page.limit],
  )
}

/** Removes messages that were sent long ago, oldest first. Returns how many. */
export async function deleteSent(sql: Sql, wanted: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from message where id in (
       select id from message where state = 'sent' and sent_at < now() - make_interval(days => $1)
       order by sent_at limit $2 for update skip locked)
     returning 1 as one`,
    [wanted.days, wanted.limit],
  )
  return rows.length
}

/** Queues a message again that was sent or failed; one that is still on its way is left alone. */
export async function requeueMessage(sql: Sql, id: Id<'message'>): Promise<MessageRow | undefined> {
  const changed = await sql.query<MessageRow>(
    `update message set state = 'queued', attempts = 0, resends = resends + 1, last_error = null,
       due_at = now(), queued_at = now()
     where id = $1 and state in ('sent', 'failed')
     returning ${COLUMNS}`,
    [id],
  )
  return changed[0] ?? (await sql.query<MessageRow>(`select ${COLUMNS} from message where id = $1`, [id]))[0]
}

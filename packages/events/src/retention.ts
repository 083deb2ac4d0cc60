import type { Sql } from '@storewright/postgres/sql'

/** One statement's worth: it holds its locks for milliseconds. Call again while it returns this many. */
export const DELETE_BATCH = 5000

/**
 * Removes published events and processed inbox rows older than this, oldest first, at most `DELETE_BATCH` of each.
 * Of each aggregate the newest inbox row stays: it says which events are known. Returns the larger count.
 */
export async function deletePublished(sql: Sql, olderThanHours: number): Promise<number> {
  const outbox = await sql.query(
    `delete from outbox where id in (
       select id from outbox where published_at < now() - $1 * interval '1 hour' order by published_at limit $2)
     returning 1 as one`,
    [olderThanHours, DELETE_BATCH],
  )
  const inbox = await sql.query(
    `delete from inbox where event_id in (
       select event_id from inbox as old
       where state = 'processed' and received_at < now() - $1 * interval '1 hour'
         and exists (
           select 1 from inbox as newer
           where newer.aggregate_type = old.aggregate_type and newer.aggregate_id = old.aggregate_id
             and newer.aggregate_seq > old.aggregate_seq and newer.state = 'processed')
       order by received_at limit $2)
     returning 1 as one`,
    [olderThanHours, DELETE_BATCH],
  )
  return Math.max(outbox.length, inbox.length)
}

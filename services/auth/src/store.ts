import type { Id } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'

export interface ApiKeyRow {
  readonly api_key_id: Id<'apiKey'>
  readonly label: string
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

/** A shop has a handful of keys; the cap only bounds the answer. */
const KEYS_LISTED_MAX = 500

/** Links are kept this long after their end, for questions about who came in when. */
const LINK_KEPT_DAYS = 30

export async function insertAdminLink(sql: Sql, tokenHash: Buffer, validMinutes: number): Promise<Date> {
  const [row] = await sql.query<{ expires_at: Date }>(
    `with forgotten as (delete from admin_link where expires_at < now() - make_interval(days => $3))
     insert into admin_link (token_hash, expires_at) values ($1, now() + make_interval(mins => $2))
     returning expires_at`,
    [tokenHash, validMinutes, LINK_KEPT_DAYS],
  )
  if (!row) throw new Error('the admin link was not stored')
  return row.expires_at
}

/**
 * Uses the link up and stores the key in one statement. Of many at once the first locks the link's row; the
 * others wait, find `used_at` set and change nothing. False: used, expired or unknown.
 */
export async function exchangeAdminLink(
  sql: Sql,
  tokenHash: Buffer,
  key: { apiKeyId: Id<'apiKey'>; keyHash: Buffer; staffId: Id<'staff'>; label: string },
): Promise<boolean> {
  const rows = await sql.query(
    `with claimed as (
       update admin_link set used_at = now()
       where token_hash = $1 and used_at is null and expires_at > now()
       returning 1
     )
     insert into api_key (api_key_id, key_hash, staff_id, label)
     select $2, $3, $4, $5 from claimed
     returning 1`,
    [tokenHash, key.apiKeyId, key.keyHash, key.staffId, key.label],
  )
  return rows.length === 1
}

/** The holder of a key that is not revoked; notes the use at most once a minute, so that reads stay reads. */
export async function findKeyHolder(
  sql: Sql,
  keyHash: Buffer,
): Promise<{ staff_id: Id<'staff'>; permissions: string[] } | undefined> {
  const [row] = await sql.query<{ staff_id: Id<'staff'>; permissions: string[] }>(
    `with noted as (
       update api_key set last_used_at = now()
       where key_hash = $1 and revoked_at is null
         and (last_used_at is null or last_used_at < now() - interval '1 minute')
     )
     select staff_id, permissions from api_key where key_hash = $1 and revoked_at is null`,
    [keyHash],
  )
  return row
}

export async function listKeyRows(sql: Sql): Promise<ApiKeyRow[]> {
  return sql.query<ApiKeyRow>(
    `select api_key_id, label, created_at, last_used_at, revoked_at from api_key
     order by created_at desc, api_key_id desc limit $1`,
    [KEYS_LISTED_MAX],
  )
}

/** False when there is no such key. Revoking again keeps the first instant. */
export async function revokeKey(sql: Sql, apiKeyId: Id<'apiKey'>): Promise<boolean> {
  const rows = await sql.query(
    'update api_key set revoked_at = coalesce(revoked_at, now()) where api_key_id = $1 returning 1',
    [apiKeyId],
  )
  return rows.length === 1
}

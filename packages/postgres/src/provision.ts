import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { codeOf } from './errors.ts'

/** Everything that provisioning does; a higher number repeats it on databases that carry a lower one. */
const PROVISION_VERSION = 1
const SERVICE_NAME = /^[a-z][a-z0-9_]{0,39}$/
/** Advisory lock of provisioning: "prov" in ASCII. */
const LOCK = 0x70726f76
/** An address that swallows packets must not look like a slow start for minutes. */
const CONNECT_TIMEOUT_MS = 10_000
/** Another process's provisioning is waited for; it takes a second. */
const ANSWER_TIMEOUT_MS = 60_000
const ATTEMPTS = 10
const BACKOFF_MS = 30

/**
 * Gives a service its role and schema in the database of `adminUrl`, or brings them up to date. Returns the
 * service's own URL. The admin must be a superuser, or own the database and have CREATEROLE.
 */
export async function provisionService(
  adminUrl: string,
  options: { service: string; password: string },
): Promise<string> {
  const urls = await provisionAll(adminUrl, [options.service], { [options.service]: options.password })
  return urls[options.service] ?? ''
}

/**
 * The same for many services over one connection; one query when nothing changed since the last time.
 * `passwords` and the result are keyed by service.
 */
export async function provisionAll(
  adminUrl: string,
  services: readonly string[],
  passwords: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const wanted = services.map(service => {
    if (!SERVICE_NAME.test(service))
      throw new RangeError(`service name ${service} must be lower case letters`)
    const password = passwords[service]
    if (password === undefined || password === '') throw new RangeError(`no database password for ${service}`)
    return { service, password, marker: markerOf(adminUrl, service, password) }
  })
  const client = new pg.Client({
    connectionString: adminUrl,
    application_name: 'storewright:provision',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  })
  client.on('error', () => {}) // the query in flight rejects as well
  await client.connect().catch(cause => {
    const { host, pathname } = new URL(adminUrl)
    throw new Error(`no connection to the database ${host}${pathname}`, { cause })
  })
  try {
    const done = await markers(client)
    const missing = wanted.filter(({ service, marker }) => done.get(service) !== marker)
    for (let attempt = 1; missing.length > 0; attempt++) {
      try {
        await provision(client, missing)
        break
      } catch (error) {
        await client.query('rollback')
        if (attempt === ATTEMPTS || !isRace(error)) throw error
        await sleep(Math.random() * BACKOFF_MS * attempt)
      }
    }
  } finally {
    await client.end()
  }
  return Object.fromEntries(
    wanted.map(({ service, password }) => [service, urlFor(adminUrl, service, password)]),
  )
}

interface Wanted {
  service: string
  password: string
  marker: string
}

async function provision(client: pg.Client, wanted: readonly Wanted[]): Promise<void> {
  await client.query('begin')
  await client.query('select pg_advisory_xact_lock($1)', [LOCK])
  await client.query(`
    revoke all on schema public from public;
    create schema if not exists extensions;
    grant usage on schema extensions to public;
    create extension if not exists pg_trgm schema extensions;
    create schema if not exists provisioned;
    create table if not exists provisioned.service (name text primary key, marker text not null)`)
  const { rows } = await client.query<{ name: string }>('select current_database() as name')
  const database = pg.escapeIdentifier(rows[0]?.name ?? '')
  await client.query(`revoke all on database ${database} from public`)
  for (const { service, password, marker } of wanted) {
    const role = pg.escapeIdentifier(roleOf(service))
    const schema = pg.escapeIdentifier(service)
    const known = await client.query('select from pg_roles where rolname = $1', [roleOf(service)])
    await client.query(`
      ${known.rowCount ? 'alter' : 'create'} role ${role} login password ${pg.escapeLiteral(password)};
      grant ${role} to current_user;
      create schema if not exists ${schema} authorization ${role};
      grant connect, temporary on database ${database} to ${role};
      alter role ${role} in database ${database} set search_path = ${schema}, extensions`)
    await client.query(
      `insert into provisioned.service (name, marker) values ($1, $2)
       on conflict (name) do update set marker = excluded.marker`,
      [service, marker],
    )
  }
  await client.query('commit')
}

async function markers(client: pg.Client): Promise<Map<string, string>> {
  try {
    const { rows } = await client.query<{ name: string; marker: string }>(
      'select name, marker from provisioned.service',
    )
    return new Map(rows.map(row => [row.name, row.marker]))
  } catch (error) {
    if (codeOf(error) === '42P01') return new Map()
    throw error
  }
}

/** The database's name is part of it: a copied database brings the markers but not the role's settings. */
function markerOf(adminUrl: string, service: string, password: string): string {
  const text = JSON.stringify([PROVISION_VERSION, new URL(adminUrl).pathname, service, password])
  return createHash('sha256').update(text).digest('hex')
}

/** Roles belong to the whole server: another database's provisioning, under its own lock, may touch the same. */
function isRace(error: unknown): boolean {
  const code = codeOf(error)
  return code === '23505' || code === '42710' || (code === 'XX000' && String(error).includes('concurrently'))
}

function roleOf(service: string): string {
  return `storewright_${service}`
}

function urlFor(adminUrl: string, service: string, password: string): string {
  const url = new URL(adminUrl)
  url.username = roleOf(service)
  url.password = encodeURIComponent(password)
  return url.href
}

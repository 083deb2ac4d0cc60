import { type Id, newId } from '@storewright/kernel/ids'
import { isUniqueViolation } from '@storewright/postgres/errors'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { Line } from './domain.ts'
import {
  type Booking,
  type Command,
  decideBatch,
  type Outcome,
  type Reservation,
} from './reservation-batch.ts'
import { type Entry, insertEntries, lockStock, writeStock } from './store.ts'

/** Either may be the first to notice: the order of the two inserts is the planner's. */
const RACED = ['reservation_pkey', 'reservation_line_pkey']

export interface AppliedBatch {
  readonly outcomes: Outcome[]
  readonly eventCount: number
}

/** Decides and writes commands in one transaction: one commit for all of them. */
export async function applyCommands(database: Database, commands: readonly Command[]): Promise<AppliedBatch> {
  const apply = () => database.transaction(sql => applyInside(sql, commands))
  return apply().catch(error => {
    // Another process inserted the same reservation between our look and our insert: now we see it.
    if (RACED.some(constraint => isUniqueViolation(error, constraint))) return apply()
    throw error
  })
}

async function applyInside(sql: Sql, commands: readonly Command[]): Promise<AppliedBatch> {
  const { now, reservations } = await lockReservations(sql, commands)
  const canceled = new Set<string>(
    commands.filter(({ kind }) => kind === 'cancel').map(({ reservationId }) => reservationId),
  )
  const lines = [
    ...commands.flatMap(command => (command.kind === 'reserve' ? command.lines : [])),
    ...[...reservations.values()].flatMap(({ reservationId, state, lines }) =>
      state === 'held' || (state === 'committed' && canceled.has(reservationId)) ? lines : [],
    ),
  ]
  const locked = await lockStock(sql, lines)
  const decision = decideBatch({ now, reservations, stock: locked.stock }, commands)
  const isNew = ({ reservationId }: Reservation) => !reservations.has(reservationId)
  await insertReservations(sql, decision.reservations.filter(isNew))
  await changeStates(
    sql,
    decision.reservations.flatMap(({ reservationId, state }) => {
      const was = reservations.get(reservationId)?.state
      return was ? [{ reservationId, was, state }] : []
    }),
  )
  await book(sql, decision.bookings)
  const eventCount = await writeStock(sql, locked, decision.stock)
  return { outcomes: decision.outcomes, eventCount }
}

interface FoundReservation {
  readonly id: Id<'checkout'>
  readonly state: Reservation['state']
  readonly expires_at: string
  readonly lines: readonly Line[]
}

/** Locks the reservations that exist, in order of id. New ids have nothing to lock: the primary key decides. */
async function lockReservations(
  sql: Sql,
  commands: readonly Command[],
): Promise<{ now: Date; reservations: Map<string, Reservation> }> {
  const [row] = await sql.query<{ now: Date; found: readonly FoundReservation[] }>(
    `select now() as now, coalesce((
       select json_agg(found) from (
         select id, state, expires_at, (
           select coalesce(json_agg(json_build_object(
             'sku', sku, 'locationId', location_id, 'quantity', quantity) order by sku, location_id), '[]')
           from reservation_line where reservation_id = reservation.id
         ) as lines
         from reservation where id = any($1) order by id for no key update
       ) as found
     ), '[]') as found`,
    [commands.map(command => command.reservationId)],
  )
  if (!row) throw new Error('select now() gave no row')
  const reservations = row.found.map(
    ({ id, state, expires_at, lines }): Reservation => ({
      reservationId: id,
      state,
      expiresAt: new Date(expires_at),
      lines,
    }),
  )
  return { now: row.now, reservations: new Map(reservations.map(found => [found.reservationId, found])) }
}

async function insertReservations(sql: Sql, reservations: readonly Reservation[]): Promise<void> {
  if (reservations.length === 0) return
  const lines = reservations.flatMap(({ reservationId, lines }) =>
    lines.map(line => ({ reservationId, ...line })),
  )
  await sql.query(
    `with header as (
       insert into reservation (id, state, expires_at)
       select * from unnest($1::text[], $2::text[], $3::timestamptz[]) as new (id, state, expires_at) order by id
     )
     insert into reservation_line (reservation_id, sku, location_id, quantity)
     select * from unnest($4::text[], $5::text[], $6::text[], $7::int[])`,
    [
      reservations.map(({ reservationId }) => reservationId),
      reservations.map(({ state }) => state),
      reservations.map(({ expiresAt }) => expiresAt),
      lines.map(({ reservationId }) => reservationId),
      lines.map(({ sku }) => sku),
      lines.map(({ locationId }) => locationId),
      lines.map(({ quantity }) => quantity),
    ],
  )
}

interface StateChange {
  readonly reservationId: Id<'checkout'>
  readonly was: Reservation['state']
  readonly state: Reservation['state']
}

/** Compare-and-swap on the state: fewer rows than expected means that somebody wrote past the lock. */
async function changeStates(sql: Sql, changes: readonly StateChange[]): Promise<void> {
  if (changes.length === 0) return
  const swapped = await sql.query(
    `update reservation set state = change.state, version = version + 1
     from unnest($1::text[], $2::text[], $3::text[]) as change (id, was, state)
     where reservation.id = change.id and reservation.state = change.was returning 1 as one`,
    [
      changes.map(({ reservationId }) => reservationId),
      changes.map(({ was }) => was),
      changes.map(({ state }) => state),
    ],
  )
  if (swapped.length !== changes.length) throw new Error('a locked reservation had changed its state')
}

/** A commit moves goods from what nobody owns to orders, a cancellation back. */
async function book(sql: Sql, bookings: readonly Booking[]): Promise<void> {
  if (bookings.length === 0) return
  const transfers = bookings.map(booking => ({ id: newId('transfer'), ...booking }))
  await sql.query(
    `insert into stock_transfer (id, cause_type, cause_id, actor)
     select id, cause_type, cause_id, 'system:inventory'
     from unnest($1::text[], $2::text[], $3::text[]) as new (id, cause_type, cause_id)`,
    [
      transfers.map(({ id }) => id),
      transfers.map(({ cause }) => cause),
      transfers.map(({ reservation }) => reservation.reservationId),
    ],
  )
  const entries = transfers.flatMap(({ id, cause, reservation }) =>
    reservation.lines.flatMap(({ sku, locationId, quantity }): (Entry & { transferId: string })[] => {
      const allocated = cause === 'reservation' ? quantity : -quantity
      return [
        { transferId: id, sku, locationId, account: 'on_hand', quantity: -allocated },
        { transferId: id, sku, locationId, account: 'allocated', quantity: allocated },
      ]
    }),
  )
  await insertEntries(sql, entries)
}

/** Held reservations past their time, oldest first; those that somebody works on are left to him. */
export async function findExpired(
  sql: Sql,
  wanted: { graceMs: number; limit: number },
): Promise<Id<'checkout'>[]> {
  const rows = await sql.query<{ id: Id<'checkout'> }>(
    `select id from reservation where state = 'held' and expires_at < now() - $1 * interval '1 ms'
     order by expires_at limit $2 for update skip locked`,
    [wanted.graceMs, wanted.limit],
  )
  return rows.map(row => row.id)
}

/** Forgets released reservations; nobody asks for them under the old id any more. Returns how many. */
export async function deleteReleased(sql: Sql, wanted: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from reservation where id in (
       select id from reservation where state = 'released' and expires_at < now() - $1 * interval '1 day'
       order by expires_at limit $2 for update skip locked)
     returning 1 as one`,
    [wanted.days, wanted.limit],
  )
  return rows.length
}

import type { NewEvent } from '@storewright/events/event'
import { appendEvents } from '@storewright/events/outbox'
import type { Id } from '@storewright/kernel/ids'
import { newId } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import { type Availability, availabilityOf, availableOf, type Stock } from './domain.ts'
import { stockKey } from './reservation-batch.ts'

/** The lock of a SKU, and the class that was last published. */
export interface StockItem {
  readonly sku: string
  readonly available: number
  readonly availability: Availability
  readonly version: number
}

export interface LockedStock {
  readonly items: Map<string, StockItem>
  readonly stock: Map<string, Stock>
}

interface LockedRow {
  readonly sku: string
  readonly available: number
  readonly availability: Availability
  readonly version: number
  readonly location_id: Id<'location'>
  readonly on_hand: number
  readonly reserved: number
  readonly allocated: number
  readonly safety: number
  readonly backorder_limit: number
  readonly shortage: number
}

/**
 * Locks the SKUs, then their rows at the wanted locations, until the transaction ends. Everybody locks reservations
 * by id, then stock_item by sku; a stock row is locked only by who holds its SKU. So nobody waits in a circle. NO KEY:
 * a stock row for a new location refers to its SKU meanwhile, and two such inserts must not block each other's lock.
 */
export async function lockStock(
  sql: Sql,
  wanted: Iterable<{ readonly sku: string; readonly locationId: string }>,
): Promise<LockedStock> {
  const skus = new Set<string>()
  const locationIds = new Set<string>()
  for (const { sku, locationId } of wanted) {
    skus.add(sku)
    locationIds.add(locationId)
  }
  const items = new Map<string, StockItem>()
  const stock = new Map<string, Stock>()
  if (skus.size === 0) return { items, stock }
  // Every wanted SKU at every wanted location: a few rows too many, but a join with the exact pairs would compare
  // each with each, as a prepared plan takes all arrays for short.
  const rows = await sql.query<LockedRow>(
    `with item as materialized (
       select sku, available, availability, version from stock_item
       where sku = any($1) order by sku for no key update
     )
     select item.*, stock.location_id, on_hand, reserved, allocated, safety, backorder_limit, shortage
     from item join stock on stock.sku = item.sku and stock.location_id = any($2)
     order by stock.sku, stock.location_id
     for no key update of stock`,
    [[...skus], [...locationIds]],
  )
  for (const row of rows) {
    const { sku, available, availability, version } = row
    items.set(sku, { sku, available, availability, version })
    const found = stockOfRow(row)
    stock.set(stockKey(found), found)
  }
  return { items, stock }
}

/**
 * Writes stock rows that were locked by `lockStock`, their SKUs' totals, and an event for each SKU whose class over
 * all locations changed. Differences are added instead of values set, so that the CHECK would refuse an oversale even
 * if a lock were missing. Returns how many events there are to dispatch.
 */
export async function writeStock(
  sql: Sql,
  locked: LockedStock,
  changed: readonly Stock[],
  trace: string | null = null,
): Promise<number> {
  if (changed.length === 0) return 0
  const before = (row: Stock) => {
    const found = locked.stock.get(stockKey(row))
    if (!found) throw new Error(`stock of ${row.sku} at ${row.locationId} was not locked`)
    return found
  }
  const items = changedItems(locked, changed)
  const counts = ['onHand', 'reserved', 'allocated', 'shortage'] as const
  await sql.query(
    `with item as (
       update stock_item set available = stock_item.available + change.available, availability = change.availability,
         version = stock_item.version + change.version
       from unnest($7::text[], $8::bigint[], $9::text[], $10::int[]) as change (sku, available, availability, version)
       where stock_item.sku = change.sku
     )
     update stock set on_hand = stock.on_hand + change.on_hand, reserved = stock.reserved + change.reserved,
       allocated = stock.allocated + change.allocated, shortage = stock.shortage + change.shortage
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
       as change (sku, location_id, on_hand, reserved, allocated, shortage)
     where stock.sku = change.sku and stock.location_id = change.location_id`,
    [
      changed.map(row => row.sku),
      changed.map(row => row.locationId),
      ...counts.map(count => changed.map(row => row[count] - before(row)[count])),
      items.map(item => item.sku),
      items.map(item => item.availableDelta),
      items.map(item => item.availability),
      items.map(item => (item.event ? 1 : 0)),
    ],
  )
  const events = items.flatMap(item => item.event ?? [])
  await appendEvents(sql, events, trace)
  return events.length
}

interface ItemChange {
  readonly sku: string
  readonly availableDelta: number
  readonly availability: Availability
  readonly event: NewEvent | undefined
}

function changedItems(locked: LockedStock, changed: readonly Stock[]): ItemChange[] {
  const deltas = new Map<string, number>()
  for (const row of changed) {
    const before = locked.stock.get(stockKey(row))
    const delta = availableOf(row) - (before ? availableOf(before) : 0)
    deltas.set(row.sku, (deltas.get(row.sku) ?? 0) + delta)
  }
  // A commit leaves what is available as it was.
  const moved = [...deltas].filter(([, delta]) => delta !== 0)
  return moved.map(([sku, availableDelta]) => {
    const item = locked.items.get(sku)
    if (!item) throw new Error(`SKU ${sku} was not locked`)
    const availability = availabilityOf(item.available + availableDelta)
    const event =
      availability === item.availability
        ? undefined
        : {
            aggregateType: 'stock-item',
            aggregateId: sku,
            aggregateSeq: item.version + 1,
            type: 'inventory.availability-changed',
            payload: { sku, availability },
          }
    return { sku, availableDelta, availability, event }
  })
}

export type Account = 'supplier' | 'on_hand' | 'allocated' | 'shipped' | 'returned' | 'lost'

export interface Entry {
  readonly sku: string
  readonly locationId: string
  readonly account: Account
  readonly quantity: number
}

export interface Transfer {
  readonly causeType: 'receipt' | 'adjustment' | 'reservation'
  readonly causeId: string
  readonly reason: string | null
  readonly actor: string
}

/**
 * Opens the book for a movement of goods. Undefined when this cause was booked before; a concurrent booking of the
 * same cause waits here for the first to commit or give up.
 */
export async function openTransfer(sql: Sql, transfer: Transfer): Promise<string | undefined> {
  const [opened] = await sql.query<{ id: string }>(
    `insert into stock_transfer (id, cause_type, cause_id, reason, actor) values ($1, $2, $3, $4, $5)
     on conflict (cause_type, cause_id) do nothing returning id`,
    [newId('transfer'), transfer.causeType, transfer.causeId, transfer.reason, transfer.actor],
  )
  return opened?.id
}

/** All entries of the transfers in one statement: the trigger wants each to balance. */
export async function insertEntries(
  sql: Sql,
  entries: readonly (Entry & { readonly transferId: string })[],
): Promise<void> {
  if (entries.length === 0) return
  await sql.query(
    `insert into stock_entry (transfer_id, sku, location_id, account, quantity)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])`,
    [
      entries.map(entry => entry.transferId),
      entries.map(entry => entry.sku),
      entries.map(entry => entry.locationId),
      entries.map(entry => entry.account),
      entries.map(entry => entry.quantity),
    ],
  )
}

/** What a cause has put on hand, to compare a repeated booking with the first. */
export async function readBooked(
  sql: Sql,
  cause: { causeType: Transfer['causeType']; causeId: string },
): Promise<{ sku: string; locationId: string; quantity: number }[]> {
  return sql.query(
    `select entry.sku, entry.location_id as "locationId", entry.quantity
     from stock_transfer as transfer join stock_entry as entry on entry.transfer_id = transfer.id
     where transfer.cause_type = $1 and transfer.cause_id = $2 and entry.account = 'on_hand'`,
    [cause.causeType, cause.causeId],
  )
}

/** Makes rows for SKUs and places that goods arrive at for the first time. In order, as two deliveries may race. */
export async function ensureStock(
  sql: Sql,
  places: readonly { readonly sku: string; readonly locationId: string }[],
): Promise<void> {
  const values = [places.map(at => at.sku), places.map(at => at.locationId)]
  await sql.query(
    `insert into stock_item (sku) select distinct sku from unnest($1::text[]) as new (sku)
     order by sku on conflict do nothing`,
    values.slice(0, 1),
  )
  await sql.query(
    `insert into stock (sku, location_id) select distinct sku, location_id
     from unnest($1::text[], $2::text[]) as new (sku, location_id) order by sku, location_id on conflict do nothing`,
    values,
  )
}

export function stockOfRow(row: Omit<LockedRow, 'available' | 'availability' | 'version'>): Stock {
  return {
    sku: row.sku,
    locationId: row.location_id,
    onHand: row.on_hand,
    reserved: row.reserved,
    allocated: row.allocated,
    safety: row.safety,
    backorderLimit: row.backorder_limit,
    shortage: row.shortage,
  }
}

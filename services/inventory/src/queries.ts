import { type Id, newId } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import { availableOf, type StockAtLocation } from './domain.ts'
import { stockOfRow } from './store.ts'

/** What can be bought of each SKU over all locations; one never received is not in the answer. */
export async function readAvailable(sql: Sql, skus: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ sku: string; available: number }>(
    'select sku, available from stock_item where sku = any($1)',
    [skus],
  )
  return new Map(rows.map(row => [row.sku, Math.max(0, row.available)]))
}

/** By SKU: what each location that ever had it can supply. */
export async function readStockAtLocations(
  sql: Sql,
  skus: readonly string[],
): Promise<Map<string, StockAtLocation[]>> {
  const rows = await sql.query<StockAtLocation>(
    `select sku, location_id as "locationId", location.priority,
       on_hand - safety + backorder_limit + shortage - reserved - allocated as available
     from stock join location on location.id = stock.location_id
     where sku = any($1)`,
    [skus],
  )
  return Map.groupBy(rows, row => row.sku)
}

export interface StockView extends ReturnType<typeof stockOfRow> {
  readonly locationName: string
  readonly available: number
}

type StockViewRow = Parameters<typeof stockOfRow>[0] & { readonly name: string }

const STOCK_VIEW = 'select stock.*, location.name from stock join location on location.id = stock.location_id'

/** Ordered by (sku, location id); `after` is the last row of the page before. */
export async function listStockRows(
  sql: Sql,
  wanted: { sku: string | null; after: readonly [string, string] | null; limit: number },
): Promise<StockView[]> {
  const { sku, limit } = wanted
  const [afterSku, afterLocation] = wanted.after ?? ['', '']
  // Two texts: "sku is null or" would keep a prepared plan from using the index.
  const rows =
    sku === null
      ? await sql.query<StockViewRow>(
          `${STOCK_VIEW} where (sku, location_id) > ($1, $2) order by sku, location_id limit $3`,
          [afterSku, afterLocation, limit],
        )
      : await sql.query<StockViewRow>(
          `${STOCK_VIEW} where sku = $1 and (sku, location_id) > ($2, $3) order by location_id limit $4`,
          [sku, afterSku, afterLocation, limit],
        )
  return rows.map(viewOfRow)
}

export async function readStockView(
  sql: Sql,
  at: { sku: string; locationId: string },
): Promise<StockView | undefined> {
  const [row] = await sql.query<StockViewRow>(`${STOCK_VIEW} where sku = $1 and location_id = $2`, [
    at.sku,
    at.locationId,
  ])
  return row && viewOfRow(row)
}

export async function upsertLocation(
  sql: Sql,
  location: { code: string; name: string; priority: number },
): Promise<{ locationId: Id<'location'>; code: string; name: string }> {
  const [row] = await sql.query<{ locationId: Id<'location'>; code: string; name: string }>(
    `insert into location (id, code, name, priority) values ($1, $2, $3, $4)
     on conflict (code) do update set name = excluded.name, priority = excluded.priority
     returning id as "locationId", code, name`,
    [newId('location'), location.code, location.name, location.priority],
  )
  if (!row) throw new Error(`location ${location.code} was not written`)
  return row
}

export async function findLocations(
  sql: Sql,
  codes: readonly string[],
): Promise<Map<string, Id<'location'>>> {
  const rows = await sql.query<{ id: Id<'location'>; code: string }>(
    'select id, code from location where code = any($1)',
    [codes],
  )
  return new Map(rows.map(row => [row.code, row.id]))
}

function viewOfRow(row: StockViewRow): StockView {
  const stock = stockOfRow(row)
  return { ...stock, locationName: row.name, available: availableOf(stock) }
}

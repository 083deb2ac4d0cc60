import type { FieldError } from '@storewright/kernel/problem'
import type { Database, Sql } from '@storewright/postgres/sql'
import { settleShortage } from './domain.ts'
import { findLocations, readStockView, type StockView } from './queries.ts'
import { retryOnce } from './receive-stock.ts'
import { stockKey } from './reservation-batch.ts'
import { ensureStock, insertEntries, lockStock, openTransfer, readBooked, writeStock } from './store.ts'

export interface Adjustment {
  readonly sku: string
  readonly location: string
  /** Units found (positive) or missing (negative). */
  readonly delta: number
  readonly reason: string
  readonly reference: string
  readonly actor: string
}

export type Adjusted =
  | { readonly kind: 'adjusted'; readonly stock: StockView; readonly eventCount: number }
  | { readonly kind: 'invalid'; readonly errors: FieldError[] }

/**
 * Corrects what is on hand, once per reference. Finding less than was promised is a fact, not a mistake: it raises
 * `shortage`. Finding less than nothing is one.
 */
export async function adjustGoods(database: Database, adjustment: Adjustment): Promise<Adjusted> {
  const locations = await findLocations(database, [adjustment.location])
  const locationId = locations.get(adjustment.location)
  if (!locationId) return invalid('location', `there is no location ${adjustment.location}`)
  return retryOnce(async () => {
    try {
      return await database.transaction(sql => book(sql, adjustment, locationId))
    } catch (error) {
      if (error instanceof InvalidAdjustment) return invalid(error.field, error.message)
      throw error
    }
  })
}

/** Thrown inside the transaction, so that the transfer already opened is rolled back with it. */
class InvalidAdjustment extends Error {
  readonly field: string
  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

async function book(sql: Sql, adjustment: Adjustment, locationId: string): Promise<Adjusted> {
  const { sku, delta, reason, reference, actor } = adjustment
  const at = { sku, locationId }
  const cause = { causeType: 'adjustment' as const, causeId: reference }
  const transferId = await openTransfer(sql, { ...cause, reason, actor })
  if (!transferId) {
    const [booked] = await readBooked(sql, cause)
    if (booked?.sku !== sku || booked.locationId !== locationId || booked.quantity !== delta)
      throw new InvalidAdjustment('reference', 'was booked with another adjustment')
    return { kind: 'adjusted', stock: await viewOf(sql, at), eventCount: 0 }
  }
  const known = await sql.query('select 1 as one from stock_item where sku = $1', [sku])
  if (known.length === 0) throw new InvalidAdjustment('sku', 'was never received anywhere')
  await ensureStock(sql, [at])
  const locked = await lockStock(sql, [at])
  const row = locked.stock.get(stockKey(at))
  if (!row) throw new Error(`no stock row for ${sku} at ${locationId}`)
  if (row.onHand + delta < 0)
    throw new InvalidAdjustment('delta', `only ${row.onHand} are on hand at ${adjustment.location}`)
  await insertEntries(sql, [
    { transferId, ...at, account: 'on_hand', quantity: delta },
    { transferId, ...at, account: 'lost', quantity: -delta },
  ])
  const eventCount = await writeStock(sql, locked, [settleShortage({ ...row, onHand: row.onHand + delta })])
  return { kind: 'adjusted', stock: await viewOf(sql, at), eventCount }
}

async function viewOf(sql: Sql, at: { sku: string; locationId: string }): Promise<StockView> {
  const view = await readStockView(sql, at)
  if (!view) throw new Error(`no stock row for ${at.sku} at ${at.locationId}`)
  return view
}

function invalid(field: string, message: string): Adjusted {
  return { kind: 'invalid', errors: [{ field, message }] }
}

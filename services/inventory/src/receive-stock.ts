import type { FieldError } from '@storewright/kernel/problem'
import { isSerializationFailure } from '@storewright/postgres/errors'
import type { Database, Sql } from '@storewright/postgres/sql'
import { settleShortage } from './domain.ts'
import { findLocations } from './queries.ts'
import { stockKey } from './reservation-batch.ts'
import { ensureStock, insertEntries, lockStock, openTransfer, readBooked, writeStock } from './store.ts'

export interface Receipt {
  readonly lines: readonly { readonly sku: string; readonly location: string; readonly quantity: number }[]
  readonly reference: string
  readonly actor: string
}

export type Received =
  | { readonly kind: 'received'; readonly units: number; readonly eventCount: number }
  | { readonly kind: 'invalid'; readonly errors: FieldError[] }

interface Arrival {
  readonly sku: string
  readonly locationId: string
  readonly quantity: number
}

/** Books a delivery once per reference, all lines or none. An SKU seen for the first time gets its stock row. */
export async function receiveGoods(database: Database, receipt: Receipt): Promise<Received> {
  const locations = await findLocations(
    database,
    receipt.lines.map(line => line.location),
  )
  const errors: FieldError[] = []
  const arrivals = new Map<string, Arrival>()
  receipt.lines.forEach(({ sku, location, quantity }, index) => {
    const locationId = locations.get(location)
    if (!locationId)
      errors.push({ field: `lines.${index}.location`, message: `there is no location ${location}` })
    else {
      const key = stockKey({ sku, locationId })
      arrivals.set(key, { sku, locationId, quantity: quantity + (arrivals.get(key)?.quantity ?? 0) })
    }
  })
  if (errors.length > 0) return { kind: 'invalid', errors }
  return retryOnce(() => database.transaction(sql => book(sql, receipt, [...arrivals.values()])))
}

async function book(sql: Sql, receipt: Receipt, arrivals: readonly Arrival[]): Promise<Received> {
  const { reference, actor } = receipt
  const units = arrivals.reduce((total, { quantity }) => total + quantity, 0)
  const transferId = await openTransfer(sql, {
    causeType: 'receipt',
    causeId: reference,
    reason: null,
    actor,
  })
  if (!transferId) {
    const booked = await readBooked(sql, { causeType: 'receipt', causeId: reference })
    const same =
      booked.length === arrivals.length &&
      arrivals.every(({ sku, locationId, quantity }) =>
        booked.some(row => row.sku === sku && row.locationId === locationId && row.quantity === quantity),
      )
    if (same) return { kind: 'received', units, eventCount: 0 }
    return { kind: 'invalid', errors: [{ field: 'reference', message: 'was booked with other lines' }] }
  }
  await ensureStock(sql, arrivals)
  const locked = await lockStock(sql, arrivals)
  const changed = arrivals.map(arrival => {
    const row = locked.stock.get(stockKey(arrival))
    if (!row) throw new Error(`no stock row for ${arrival.sku} at ${arrival.locationId}`)
    return settleShortage({ ...row, onHand: row.onHand + arrival.quantity })
  })
  await insertEntries(
    sql,
    arrivals.flatMap(({ sku, locationId, quantity }) => [
      { transferId, sku, locationId, account: 'supplier' as const, quantity: -quantity },
      { transferId, sku, locationId, account: 'on_hand' as const, quantity },
    ]),
  )
  const eventCount = await writeStock(sql, locked, changed)
  return { kind: 'received', units, eventCount }
}

/** Two people's bookings at the same rows: the second attempt finds the first done. */
export async function retryOnce<Result>(work: () => Promise<Result>): Promise<Result> {
  return work().catch(error => {
    if (isSerializationFailure(error)) return work()
    throw error
  })
}

import type { Id } from '@storewright/kernel/ids'

/** From this many on, shoppers are told that few are left. */
export const LOW_STOCK_MAX = 5

export type Availability = 'in-stock' | 'low-stock' | 'sold-out'

/** Goods of one SKU at one location, in units. */
export interface Stock {
  readonly sku: string
  readonly locationId: Id<'location'>
  readonly onHand: number
  readonly reserved: number
  readonly allocated: number
  readonly safety: number
  readonly backorderLimit: number
  readonly shortage: number
}

export interface Line {
  readonly sku: string
  readonly locationId: Id<'location'>
  readonly quantity: number
}

export interface MissingLine {
  readonly sku: string
  readonly requested: number
  readonly available: number
}

/** What can still be promised. Never negative while `shortage` is right. */
export function availableOf(stock: Stock): number {
  return (
    stock.onHand - stock.safety + stock.backorderLimit + stock.shortage - stock.reserved - stock.allocated
  )
}

/**
 * The stock with `shortage` as it must be after a change: promises beyond what is there. Goods that come in, and
 * promises that are given up, fill a shortage before anybody can buy them.
 */
export function settleShortage(stock: Stock): Stock {
  const capacity = stock.onHand - stock.safety + stock.backorderLimit
  return { ...stock, shortage: Math.max(0, stock.reserved + stock.allocated - capacity) }
}

export function availabilityOf(available: number): Availability {
  if (available <= 0) return 'sold-out'
  return available <= LOW_STOCK_MAX ? 'low-stock' : 'in-stock'
}

export interface StockAtLocation {
  readonly sku: string
  readonly locationId: Id<'location'>
  /** Lower ships first. */
  readonly priority: number
  readonly available: number
}

interface RequestedLine {
  readonly sku: string
  readonly quantity: number
}

/**
 * Which locations supply the lines, in few parcels: again and again the location that has the most of the lines
 * whole, by priority where equal; so one that has everything supplies everything. A line that no location has whole
 * is split by priority. Lines that all locations together cannot supply are `missing` and not in the plan.
 */
export function planLines(
  lines: readonly RequestedLine[],
  stock: readonly StockAtLocation[],
): { plan: Line[]; missing: MissingLine[] } {
  const bySku = new Map<string, StockAtLocation[]>()
  for (const row of [...stock].sort(byPriority))
    if (row.available > 0) bySku.set(row.sku, [...(bySku.get(row.sku) ?? []), row])
  const missing: MissingLine[] = []
  const plan: Line[] = []
  let open: RequestedLine[] = []
  for (const { sku, quantity } of lines) {
    const rows = bySku.get(sku) ?? []
    const available = rows.reduce((total, row) => total + row.available, 0)
    if (available < quantity) missing.push({ sku, requested: quantity, available })
    else if (rows.some(row => row.available >= quantity)) open.push({ sku, quantity })
    else plan.push(...splitByPriority(sku, quantity, rows))
  }
  while (open.length > 0) {
    const locationId = bestLocation(open, bySku)
    const hasWhole = (line: RequestedLine) =>
      bySku.get(line.sku)?.some(row => row.locationId === locationId && row.available >= line.quantity) ===
      true
    plan.push(...open.filter(hasWhole).map(line => ({ ...line, locationId })))
    open = open.filter(line => !hasWhole(line))
  }
  return { plan, missing }
}

/** The location that has the most of these lines whole. Every line has at least one such location. */
function bestLocation(
  open: readonly RequestedLine[],
  bySku: ReadonlyMap<string, readonly StockAtLocation[]>,
): Id<'location'> {
  const counts = new Map<Id<'location'>, { count: number; row: StockAtLocation }>()
  for (const { sku, quantity } of open)
    for (const row of bySku.get(sku) ?? [])
      if (row.available >= quantity)
        counts.set(row.locationId, { count: (counts.get(row.locationId)?.count ?? 0) + 1, row })
  const [best] = [...counts.values()].sort((a, b) => b.count - a.count || byPriority(a.row, b.row))
  if (!best) throw new Error('no location has any of the open lines whole')
  return best.row.locationId
}

function splitByPriority(sku: string, quantity: number, rows: readonly StockAtLocation[]): Line[] {
  const parts: Line[] = []
  let left = quantity
  for (const { locationId, available } of rows) {
    if (left === 0) break
    const taken = Math.min(left, available)
    parts.push({ sku, locationId, quantity: taken })
    left -= taken
  }
  return parts
}

function byPriority(a: StockAtLocation, b: StockAtLocation): number {
  return a.priority - b.priority || (a.locationId < b.locationId ? -1 : Number(a.locationId > b.locationId))
}

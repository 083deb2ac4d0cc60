import type { Id } from '@storewright/kernel/ids'
import { availableOf, type Line, type MissingLine, type Stock, settleShortage } from './domain.ts'

export type ReservationState = 'held' | 'committed' | 'released' | 'canceled'

export interface Reservation {
  readonly reservationId: Id<'checkout'>
  readonly state: ReservationState
  readonly expiresAt: Date
  readonly lines: readonly Line[]
}

export type Command =
  | {
      readonly kind: 'reserve'
      readonly reservationId: Id<'checkout'>
      readonly lines: readonly Line[]
      readonly holdSeconds: number
    }
  | { readonly kind: 'commit' | 'cancel' | 'release' | 'expire'; readonly reservationId: Id<'checkout'> }

export type Outcome =
  /** Held, committed or canceled, now or before: the same command again gets the same answer. */
  | { readonly kind: 'standing'; readonly reservation: Reservation }
  | { readonly kind: 'insufficient'; readonly missing: readonly MissingLine[] }
  | { readonly kind: 'ended' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'released'; readonly released: boolean }
  | { readonly kind: 'already-committed' }
  /** Nothing to cancel yet: the checkout has still to commit it. */
  | { readonly kind: 'still-held' }

/** What the locked rows said, by id and by `stockKey`. */
export interface Book {
  /** The database's clock: the only one that expiry is compared with. */
  readonly now: Date
  readonly reservations: ReadonlyMap<string, Reservation>
  readonly stock: ReadonlyMap<string, Stock>
}

export interface Decision {
  /** One per command, in the same order. */
  readonly outcomes: Outcome[]
  /** Reservations and stock rows that differ from the book, as they are now. */
  readonly reservations: Reservation[]
  readonly stock: Stock[]
  /** What the ledger has to say, in this order: one batch may commit a reservation and cancel it. */
  readonly bookings: Booking[]
}

export interface Booking {
  readonly cause: 'reservation' | 'cancellation'
  readonly reservation: Reservation
}

/**
 * Decides commands in their order of arrival, each seeing what those before it did. All or nothing per command. A
 * commit and an expiry of the same reservation: whichever comes first wins, and the other is told.
 */
export function decideBatch(book: Book, commands: readonly Command[]): Decision {
  const reservations = new Map<string, Reservation>()
  const stock = new Map<string, Stock>()
  const bookings: Booking[] = []
  const stockAt = (line: Line) => stock.get(stockKey(line)) ?? book.stock.get(stockKey(line))

  const reserve = (command: Command & { kind: 'reserve' }): Outcome => {
    const missing = missingOf(command.lines, stockAt)
    if (missing.length > 0) return { kind: 'insufficient', missing }
    for (const line of command.lines) move(line, { reserved: line.quantity, allocated: 0 })
    return {
      kind: 'standing',
      reservation: put({
        reservationId: command.reservationId,
        state: 'held',
        expiresAt: new Date(book.now.getTime() + command.holdSeconds * 1000),
        lines: command.lines,
      }),
    }
  }
  const end = (held: Reservation, state: 'committed' | 'released'): Reservation => {
    for (const line of held.lines)
      move(line, { reserved: -line.quantity, allocated: state === 'committed' ? line.quantity : 0 })
    if (state === 'committed') bookings.push({ cause: 'reservation', reservation: held })
    return put({ ...held, state })
  }
  const cancel = (committed: Reservation): Reservation => {
    for (const line of committed.lines) move(line, { reserved: 0, allocated: -line.quantity })
    bookings.push({ cause: 'cancellation', reservation: committed })
    return put({ ...committed, state: 'canceled' })
  }
  const move = (line: Line, by: { reserved: number; allocated: number }) => {
    const row = stockAt(line)
    if (!row) throw new Error(`no stock row was read for ${line.sku} at ${line.locationId}`)
    const moved = { ...row, reserved: row.reserved + by.reserved, allocated: row.allocated + by.allocated }
    stock.set(stockKey(line), settleShortage(moved))
  }
  const put = (reservation: Reservation) => {
    reservations.set(reservation.reservationId, reservation)
    return reservation
  }

  const decide = (command: Command): Outcome => {
    const { reservationId } = command
    const found = reservations.get(reservationId) ?? book.reservations.get(reservationId)
    switch (command.kind) {
      case 'reserve':
        if (!found) return reserve(command)
        return found.state === 'released' || found.state === 'canceled'
          ? { kind: 'ended' }
          : { kind: 'standing', reservation: found }
      case 'commit':
        if (!found) return { kind: 'not-found' }
        if (found.state === 'released') return { kind: 'ended' }
        // Canceled: it was committed, and the checkout that had no answer asks again.
        return { kind: 'standing', reservation: found.state === 'held' ? end(found, 'committed') : found }
      case 'cancel':
        if (!found) return { kind: 'not-found' }
        if (found.state === 'held') return { kind: 'still-held' }
        return { kind: 'standing', reservation: found.state === 'committed' ? cancel(found) : found }
      case 'release':
        // Remembered, so that a delayed request to reserve under this id cannot hold stock for nobody.
        if (!found) put({ reservationId, state: 'released', expiresAt: book.now, lines: [] })
        if (found?.state === 'committed') return { kind: 'already-committed' }
        if (found?.state === 'held') end(found, 'released')
        return { kind: 'released', released: found !== undefined && found.lines.length > 0 }
      case 'expire': {
        const due = found?.state === 'held' && found.expiresAt.getTime() <= book.now.getTime()
        if (due) end(found, 'released')
        return { kind: 'released', released: due }
      }
    }
  }
  return {
    outcomes: commands.map(decide),
    reservations: [...reservations.values()],
    stock: [...stock.values()],
    bookings,
  }
}

export function stockKey(at: { readonly sku: string; readonly locationId: string }): string {
  return `${at.sku}\n${at.locationId}`
}

/** By SKU over the locations that fall short; a location that never had the SKU has none of it. */
function missingOf(lines: readonly Line[], stockAt: (line: Line) => Stock | undefined): MissingLine[] {
  const missing = new Map<string, MissingLine>()
  for (const line of lines) {
    const row = stockAt(line)
    const available = row ? Math.max(0, availableOf(row)) : 0
    if (available >= line.quantity) continue
    const before = missing.get(line.sku)
    missing.set(line.sku, {
      sku: line.sku,
      requested: (before?.requested ?? 0) + line.quantity,
      available: (before?.available ?? 0) + available,
    })
  }
  return [...missing.values()]
}

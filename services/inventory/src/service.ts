import { principalOf } from '@storewright/kernel/actor'
import { decodeCursor, encodeCursor } from '@storewright/kernel/paging'
import { createLane } from '@storewright/postgres/lane'
import { createSharedRead } from '@storewright/postgres/shared-read'
import { implement } from '@storewright/rpc/implement'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { adjustGoods } from './adjust-stock.ts'
import { inventoryContract } from './contract.ts'
import { availabilityOf, planLines, type StockAtLocation } from './domain.ts'
import { startSweeper } from './expiry-sweeper.ts'
import { listStockRows, readAvailable, readStockAtLocations, upsertLocation } from './queries.ts'
import { receiveGoods } from './receive-stock.ts'
import type { Command, Outcome, Reservation } from './reservation-batch.ts'
import { applyCommands } from './reservation-store.ts'

/** One transaction's worth: a larger batch makes everybody in it wait longer and gains little. */
const LANE_ITEMS_MAX = 256
const LANE_LINES_MAX = 512

export const inventoryService = defineService({
  name: 'inventory',
  contract: inventoryContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: ['stock-item'],
  hears: [],
  maxConnections: 5,
  start: async environment => start(environment),
})

function start(environment: ServiceEnvironment<Record<never, never>>): RunningService {
  const { database, eventsAppended, log } = environment
  const os = implement(inventoryContract)
  const appended = (count: number) => {
    if (count > 0) eventsAppended()
  }

  // One lane for all kinds: two would contend for the same rows, and the order of arrival would be lost.
  const lane = createLane<Command, Outcome>({
    name: 'inventory.reservations',
    maxItems: LANE_ITEMS_MAX,
    maxWeight: LANE_LINES_MAX,
    weightOf: command => (command.kind === 'reserve' ? command.lines.length : 2),
    run: async commands => {
      const { outcomes, eventCount } = await applyCommands(database, commands)
      appended(eventCount)
      return outcomes
    },
  })
  const available = createSharedRead<string, number>({
    name: 'inventory.available',
    read: skus => readAvailable(database, skus),
  })
  const atLocations = createSharedRead<string, StockAtLocation[]>({
    name: 'inventory.locations',
    read: skus => readStockAtLocations(database, skus),
  })
  const sweeper = startSweeper({
    database,
    log,
    expire: async reservationId => {
      const outcome = await lane.submit({ kind: 'expire', reservationId })
      return outcome.kind === 'released' && outcome.released
    },
  })

  const router = os.router({
    getAvailability: os.getAvailability.handler(async ({ input }) => {
      const known = await available(input.skus)
      return {
        items: input.skus.map(sku => {
          const units = known.get(sku) ?? 0
          return { sku, available: units, availability: availabilityOf(units) }
        }),
      }
    }),

    planStock: os.planStock.handler(async ({ input }) => {
      const stock = await atLocations(input.lines.map(line => line.sku))
      return planLines(
        input.lines,
        input.lines.flatMap(line => stock.get(line.sku) ?? []),
      )
    }),

    reserveStock: os.reserveStock.handler(async ({ input, errors }) => {
      const outcome = await lane.submit({ kind: 'reserve', ...input })
      if (outcome.kind === 'insufficient')
        throw errors['insufficient-stock']({ data: { missing: [...outcome.missing] } })
      if (outcome.kind === 'ended') throw errors['reservation-ended']()
      return viewOf(outcome)
    }),

    commitReservation: os.commitReservation.handler(async ({ input, errors }) => {
      const outcome = await lane.submit({ kind: 'commit', ...input })
      if (outcome.kind === 'not-found') throw errors['not-found']()
      if (outcome.kind === 'ended') throw errors['reservation-ended']()
      return viewOf(outcome)
    }),

    releaseReservation: os.releaseReservation.handler(async ({ input, errors }) => {
      const outcome = await lane.submit({ kind: 'release', ...input })
      if (outcome.kind === 'released') return { released: outcome.released }
      throw errors['reservation-committed']()
    }),

    cancelReservation: os.cancelReservation.handler(async ({ input, errors }) => {
      const outcome = await lane.submit({ kind: 'cancel', ...input })
      if (outcome.kind === 'not-found') throw errors['not-found']()
      if (outcome.kind === 'still-held') throw errors['reservation-held']()
      return viewOf(outcome)
    }),

    listStock: os.listStock.handler(async ({ input, errors }) => {
      const after = input.cursor === undefined ? null : afterOf(input.cursor)
      if (after === undefined)
        throw errors['invalid-input']({
          data: { errors: [{ field: 'cursor', message: 'is not a cursor of this list' }] },
        })
      const rows = await listStockRows(database, { sku: input.sku ?? null, after, limit: input.limit + 1 })
      const items = rows.slice(0, input.limit)
      const last = items.at(-1)
      return {
        items,
        nextCursor: rows.length > input.limit && last ? encodeCursor([last.sku, last.locationId]) : null,
      }
    }),

    setLocation: os.setLocation.handler(({ input }) => upsertLocation(database, input)),

    receiveStock: os.receiveStock.handler(async ({ input, context, errors }) => {
      const booked = await receiveGoods(database, { ...input, actor: principalOf(context.actor) })
      if (booked.kind === 'invalid') throw errors['invalid-input']({ data: { errors: booked.errors } })
      appended(booked.eventCount)
      return { received: booked.units }
    }),

    adjustStock: os.adjustStock.handler(async ({ input, context, errors }) => {
      const booked = await adjustGoods(database, { ...input, actor: principalOf(context.actor) })
      if (booked.kind === 'invalid') throw errors['invalid-input']({ data: { errors: booked.errors } })
      appended(booked.eventCount)
      return booked.stock
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1 from stock limit 1', [])),
    stop: async () => {
      await sweeper.stop()
      await lane.close()
    },
  }
}

function viewOf(outcome: Outcome) {
  if (outcome.kind !== 'standing') throw new Error(`unexpected outcome ${outcome.kind}`)
  const { reservationId, state, expiresAt, lines }: Reservation = outcome.reservation
  return { reservationId, state, expiresAt: expiresAt.toISOString(), lines: [...lines] }
}

function afterOf(cursor: string): [string, string] | undefined {
  const [sku, locationId] = decodeCursor(cursor, 2) ?? []
  return typeof sku === 'string' && typeof locationId === 'string' ? [sku, locationId] : undefined
}

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@storewright/kernel/clock'
import { newId } from '@storewright/kernel/ids'
import { openDatabase } from '@storewright/postgres/pool'
import type { Database } from '@storewright/postgres/sql'
import { forward, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { readConfig } from '../../apps/platform/src/config.ts'
import { openDatabases } from '../../apps/platform/src/databases.ts'
import { loadSecrets } from '../../apps/platform/src/secrets.ts'
import { type RunningServices, startServices } from '../../apps/platform/src/services.ts'
import { adminUrlOf } from '../../tests/harness/audit.ts'
import { closeOnInterrupt, readDurability } from './bench-shop.ts'
import { type LatencySummary, round, summarize } from './latency.ts'
import { atLeast, exactly, measuredOnly, type Pace, type Scenario, type ScenarioResult } from './scenario.ts'

/** Product too: it hears inventory's events, so nothing of what a reservation causes is left out. */
const SERVICES = ['inventory', 'product'] as const
const HOT_SKU = 'HOT'
const SCARCE_SKU = 'SCARCE'
const SCARCE_UNITS = 1000
const SCARCE_ASKED = 3000
const WARM_UP_SECONDS = 2
const SECONDS = 8
const CALLERS = [64, 256]
const HOLD_SECONDS = 900

interface Run {
  readonly callers: number
  readonly perSecond: number
  readonly latency: LatencySummary
  /** Of this process: callers, validation and the service. */
  readonly nodeCores: number
}

export const reservations: Scenario = {
  name: 'reserve',
  title: 'Reservations on one hot SKU through the local client, one line each',
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const house = await openInventory()
  closeOnInterrupt.add(house.close)
  try {
    const locationId = await house.stockUp(HOT_SKU, 1_000_000)
    await house.stockUp(SCARCE_SKU, SCARCE_UNITS)
    const reserve = (sku: string) =>
      house.services.clients.inventory.reserveStock(
        {
          reservationId: newId('checkout'),
          lines: [{ sku, locationId, quantity: 1 }],
          holdSeconds: HOLD_SECONDS,
        },
        forward(systemContext('checkout'), 'checkout'),
      )
    const warm = await runOnce(() => reserve(HOT_SKU), 64, pace(WARM_UP_SECONDS))
    const runs: Run[] = []
    for (const callers of CALLERS) runs.push(await runOnce(() => reserve(HOT_SKU), callers, pace(SECONDS)))
    const asked = await Promise.allSettled(Array.from({ length: SCARCE_ASKED }, () => reserve(SCARCE_SKU)))
    const granted = asked.filter(one => one.status === 'fulfilled').length
    const answered = [warm, ...runs].reduce((sum, one) => sum + one.latency.count, granted)
    const broken = await brokenStock(house.audit, answered)
    return {
      figures: [
        ...runs.map(({ callers, perSecond }) =>
          atLeast({ name: `${callers} callers`, value: perSecond, unit: '/s', required: 5000, aim: 10_000 }),
        ),
        ...runs.map(({ callers, latency, nodeCores }) =>
          measuredOnly(
            `${callers} callers, p50 / p99`,
            `${latency.p50} / ${latency.p99} ms; Node used ${nodeCores} cores`,
          ),
        ),
        exactly(
          `of ${SCARCE_UNITS} units, ${SCARCE_ASKED} asked for at once`,
          `${granted} granted`,
          `${SCARCE_UNITS}`,
          granted === SCARCE_UNITS,
        ),
      ],
      voidedBy: broken,
      raw: { durability: house.durability, runs, granted },
    }
  } finally {
    await house.close()
  }
}

async function runOnce(reserve: () => Promise<unknown>, callers: number, seconds: number): Promise<Run> {
  const waitsMs: number[] = []
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const endAt = startedAt + seconds * 1000
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < endAt) {
        const sentAt = performance.now()
        await reserve()
        waitsMs.push(performance.now() - sentAt)
      }
    }),
  )
  const elapsed = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    callers,
    perSecond: round(waitsMs.length / elapsed, 0),
    latency: summarize(waitsMs),
    nodeCores: round((user + system) / 1e6 / elapsed),
  }
}

/** The services as the platform starts them, on an embedded Postgres of their own. */
async function openInventory() {
  const dataDir = mkdtempSync(join(tmpdir(), 'storewright-bench-'))
  chmodSync(dataDir, 0o755) // the account that runs Postgres when we are root must be able to pass
  const undo: (() => Promise<unknown>)[] = [async () => rmSync(dataDir, { recursive: true, force: true })]
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      closeOnInterrupt.delete(close)
      for (const step of undo.reverse()) await step()
    })()
    return closing
  }
  try {
    const config = readConfig({ DATA_DIR: dataDir })
    const log = createLogger({ level: 'silent' })
    const secrets = loadSecrets(dataDir, config.env)
    const databases = await openDatabases(SERVICES, config, secrets, log, () => {
      throw new Error('the database died for good')
    })
    undo.push(databases.stop)
    const services = await startServices({
      names: SERVICES,
      urls: databases.urls,
      env: config.env,
      secrets,
      log,
      clock: systemClock,
      publicUrl: config.publicUrl,
    })
    undo.push(services.stop)
    const audit = openDatabase({ url: adminUrlOf(dataDir), name: 'audit', maxConnections: 1 })
    undo.push(audit.close)
    const durability = await readDurability(audit)
    return { services, audit, durability, close, stockUp: stockUpWith(services) }
  } catch (error) {
    await close()
    throw error
  }
}

function stockUpWith({ clients }: RunningServices) {
  return async (sku: string, quantity: number) => {
    const call = () => forward(systemContext('bench'), 'bench')
    const { locationId } = await clients.inventory.setLocation(
      { code: 'bench', name: 'Bench shelf', priority: 100 },
      call(),
    )
    await clients.inventory.receiveStock(
      { lines: [{ sku, location: 'bench', quantity }], reference: `bench-${sku}` },
      call(),
    )
    return locationId
  }
}

/** `answered`: reservations that were acknowledged; each must stand in the database. */
async function brokenStock(audit: Database, answered: number): Promise<string[]> {
  const rows = await audit.query<{ sku: string; reserved: number; held: number; on_hand: number }>(
    `select sku, reserved, on_hand, (
       select coalesce(sum(quantity), 0)::int from inventory.reservation_line as line
       join inventory.reservation as reservation on reservation.id = line.reservation_id
       where state = 'held' and line.sku = stock.sku) as held
     from inventory.stock`,
    [],
  )
  const held = rows.reduce((sum, row) => sum + row.held, 0)
  const lost = held === answered ? [] : [`${answered} reservations were acknowledged, ${held} are held`]
  const wrong = rows
    .filter(row => row.reserved !== row.held || row.reserved > row.on_hand)
    .map(row => `${row.sku}: ${row.reserved} reserved, ${row.held} held, ${row.on_hand} on hand`)
  return [...lost, ...wrong]
}

import { brokenInvariants } from '../../tests/harness/audit.ts'
import { type Backlog, drain, readBacklog } from './backlog.ts'
import { type BenchShop, openShop } from './bench-shop.ts'
import type { FunnelInput, FunnelLoad } from './funnel-load.ts'
import { round } from './latency.ts'
import { type LoadProcess, startLoad } from './load-process.ts'
import { cpuSeconds, type Part } from './processes.ts'
import { importProducts, plainProduct, stockUp } from './products.ts'
import {
  atLeast,
  atMost,
  type Figure,
  measuredOnly,
  type Pace,
  type Scenario,
  type ScenarioResult,
} from './scenario.ts'

type Load = LoadProcess<typeof import('./funnel-load.ts')>

interface Run {
  readonly clients: number
  readonly load: FunnelLoad
  readonly backlogAtEnd: Backlog
  readonly drainMs: number
  readonly ordersInDatabase: number
  /** Orders ÷ (load + drain): an order whose mail has not left is not done. */
  readonly ordersPerSecond: number
  readonly cores: Readonly<Record<Part | 'load', number>>
}

const WARM_UP = { clients: 16, seconds: 8 }
const SECONDS = 20
const CLIENTS = [1, 16, 64]
const PRODUCTS = 40

export const funnel: Scenario = {
  name: 'funnel',
  title: 'Guest funnel over public HTTP: guest, list, product, cart, quote, pay, order (7 requests, mail on)',
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const shop = await openShop()
  const load: Load = startLoad(new URL('funnel-load.ts', import.meta.url))
  try {
    const items = await stockShop(shop)
    await runOnce(shop, load, { target: shop.target, items, ...WARM_UP, seconds: pace(WARM_UP.seconds) })
    const runs: Run[] = []
    for (const clients of CLIENTS) {
      const one = await runOnce(shop, load, { target: shop.target, items, clients, seconds: pace(SECONDS) })
      console.log(
        `  ${clients} clients: ${one.ordersPerSecond} orders/s, backlog ${JSON.stringify(one.backlogAtEnd)},`,
      )
      console.log(`    drained in ${one.drainMs} ms, cores ${JSON.stringify(one.cores)}`)
      runs.push(one)
    }
    const voidedBy = [
      ...(await brokenInvariants(shop.audit)),
      ...runs.flatMap(({ clients, load: { orders, failures, firstFailure }, ordersInDatabase }) => [
        ...(orders === ordersInDatabase
          ? []
          : [
              `${clients} clients: ${orders} orders were acknowledged, ${ordersInDatabase} are in the database`,
            ]),
        ...(Object.keys(failures).length === 0
          ? []
          : [`${clients} clients: ${JSON.stringify(failures)}, first: ${firstFailure}`]),
      ]),
    ]
    return { figures: runs.flatMap(figuresOf), voidedBy, raw: { durability: shop.durability, runs } }
  } finally {
    load.stop()
    await shop.close()
  }
}

async function stockShop({ staff }: BenchShop): Promise<FunnelInput['items']> {
  const products = Array.from({ length: PRODUCTS }, (_, index) =>
    plainProduct(`bench-${index + 1}`, 2000 + index),
  )
  await importProducts(staff, products)
  await stockUp(
    staff,
    products.flatMap(product => product.variants.map(variant => variant.sku)),
  )
  return products.map(({ slug }) => ({
    slug,
    sku: slug.toUpperCase(),
    listPath: '/products?category=bench&limit=24',
  }))
}

async function runOnce(shop: BenchShop, load: Load, input: FunnelInput): Promise<Run> {
  const before = await countOrders(shop)
  const cpuBefore = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const result = await load.call('runFunnels', input)
  const cpuAfter = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const backlogAtEnd = await readBacklog(shop.audit)
  const drainMs = await drain(shop.audit)
  const coresOf = (used: number) => round(used / (result.loadMs / 1000))
  const part = (name: Part) => coresOf(cpuAfter.shop[name] - cpuBefore.shop[name])
  return {
    clients: input.clients,
    load: result,
    backlogAtEnd,
    drainMs,
    ordersInDatabase: (await countOrders(shop)) - before,
    ordersPerSecond: round(result.orders / ((result.loadMs + drainMs) / 1000), 1),
    cores: {
      launcher: part('launcher'),
      platform: part('platform'),
      postgres: part('postgres'),
      sandboxes: part('sandboxes'),
      load: coresOf(cpuAfter.load.launcher - cpuBefore.load.launcher),
    },
  }
}

async function countOrders({ audit }: BenchShop): Promise<number> {
  const [row] = await audit.query<{ orders: number }>(`select count(*) as orders from "order".orders`, [])
  return row?.orders ?? 0
}

/** What a faster or slower machine changes least. */
function cpuPerOrder(cores: Run['cores'], { orders, loadMs }: FunnelLoad): string {
  const perOrder = (part: keyof Run['cores']) => round((cores[part] * loadMs) / orders, 1)
  return `platform ${perOrder('platform')} ms, Postgres ${perOrder('postgres')} ms, mail sandbox ${perOrder('sandboxes')} ms`
}

function figuresOf({ clients, load, ordersPerSecond, backlogAtEnd, drainMs, cores }: Run): Figure[] {
  const targets = clients === 64
  const { funnel: whole, steps } = load
  return [
    atLeast({
      name: `orders, ${clients} client${clients === 1 ? '' : 's'}`,
      value: ordersPerSecond,
      unit: 'orders/s',
      ...(targets && { required: 100, aim: 300 }),
    }),
    atMost({
      name: `pay request p99, ${clients} client${clients === 1 ? '' : 's'}`,
      value: steps.pay.p99,
      unit: 'ms',
      ...(targets && { required: 1000, aim: 500 }),
    }),
    atMost({
      name: `whole funnel p99, ${clients} client${clients === 1 ? '' : 's'}`,
      value: whole.p99,
      unit: 'ms',
      ...(targets && { required: 1000, aim: 500 }),
    }),
    measuredOnly(
      `p50 / p95, ${clients} client${clients === 1 ? '' : 's'}`,
      `pay ${steps.pay.p50} / ${steps.pay.p95} ms, funnel ${whole.p50} / ${whole.p95} ms`,
    ),
    measuredOnly(`CPU per order, ${clients} client${clients === 1 ? '' : 's'}`, cpuPerOrder(cores, load)),
    measuredOnly(
      `owed at the end, ${clients} client${clients === 1 ? '' : 's'}`,
      `${backlogAtEnd.unpublishedEvents} events, ${backlogAtEnd.unsentMessages} mails, oldest ` +
        `${Math.round(backlogAtEnd.oldestAgeMs)} ms; drained in ${drainMs} ms`,
    ),
  ]
}

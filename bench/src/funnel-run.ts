import type { Backlog } from './backlog.ts'
import { drain, readBacklog } from './backlog.ts'
import type { BenchShop } from './bench-shop.ts'
import type { FunnelInput, FunnelLoad } from './funnel-load.ts'
import { round } from './latency.ts'
import type { LoadProcess } from './load-process.ts'
import { cpuSeconds, type Part } from './processes.ts'
import { importProducts, plainProduct, stockUp } from './products.ts'

type Load = LoadProcess<typeof import('./funnel-load.ts')>

export interface FunnelRun {
  readonly clients: number
  readonly load: FunnelLoad
  readonly backlogAtEnd: Backlog
  readonly drainMs: number
  readonly ordersInDatabase: number
  /** Orders ÷ (load + drain): an order whose mail has not left is not done. */
  readonly ordersPerSecond: number
  readonly cores: Readonly<Record<Part | 'load', number>>
}

const PRODUCTS = 40

export async function stockShop({ staff }: BenchShop): Promise<FunnelInput['items']> {
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

export async function runOnce(shop: BenchShop, load: Load, input: FunnelInput): Promise<FunnelRun> {
  const before = await countOrders(shop)
  const cpuBefore = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const result = await load.call('runFunnels', input)
  const cpuAfter = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const backlogAtEnd = await readBacklog(shop.audit)
  const drainMs = await drain(shop.audit, () => pendingWebhooks(shop))
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
      mail: part('mail'),
      stripe: part('stripe'),
      load: coresOf(cpuAfter.load.launcher - cpuBefore.load.launcher),
    },
  }
}

async function countOrders({ audit }: BenchShop): Promise<number> {
  const [row] = await audit.query<{ orders: number }>(`select count(*) as orders from "order".orders`, [])
  return row?.orders ?? 0
}

/** Orders that were acknowledged and are not there, and whatever else did not end in an order. */
export function faultsOf(run: FunnelRun, name: string): string[] {
  const { orders, failures, firstFailure } = run.load
  return [
    ...(orders === run.ordersInDatabase
      ? []
      : [`${name}: ${orders} orders were acknowledged, ${run.ordersInDatabase} are in the database`]),
    ...(Object.keys(failures).length === 0
      ? []
      : [`${name}: ${JSON.stringify(failures)}, first: ${firstFailure}`]),
  ]
}

/** What a faster or slower machine changes least. */
export function cpuPerOrder({ cores, load: { orders, loadMs } }: FunnelRun): string {
  const perOrder = (part: Part) => round((cores[part] * loadMs) / orders, 1)
  return (
    `platform ${perOrder('platform')} ms, Postgres ${perOrder('postgres')} ms, mail sandbox ${perOrder('mail')} ms` +
    (cores.stripe > 0.01 ? `; Stripe sandbox ${perOrder('stripe')} ms` : '')
  )
}

/** What the payment sandbox has not told the shop yet. */
async function pendingWebhooks({ stripeUrl }: BenchShop): Promise<number> {
  const answer = await fetch(`${stripeUrl}/_sandbox/webhooks`)
  return ((await answer.json()) as { pending: number }).pending
}

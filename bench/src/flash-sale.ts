import { brokenInvariants } from '../../tests/harness/audit.ts'
import { drain, readBacklog } from './backlog.ts'
import { type BenchShop, openShop } from './bench-shop.ts'
import type { FlashInput } from './flash-load.ts'
import { type LoadProcess, startLoad } from './load-process.ts'
import { importProducts, plainProduct, stockUp } from './products.ts'
import { atMost, exactly, measuredOnly, type Pace, type Scenario, type ScenarioResult } from './scenario.ts'

const BUYERS = 2000
const CONCURRENCY = 256
const UNITS = 500
const SLUG = 'bench-limited'
/** Orders before the sale, so that it does not measure a process that has just started. */
const WARM_UP = { clients: 16, seconds: 5 }

export const flashSale: Scenario = {
  name: 'flash',
  title: `Flash sale from the pay step: ${BUYERS} buyers, ${CONCURRENCY} at once, ${UNITS} units`,
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const shop = await openShop()
  const load: LoadProcess<typeof import('./flash-load.ts')> = startLoad(
    new URL('flash-load.ts', import.meta.url),
  )
  const sku = SLUG.toUpperCase()
  const input: FlashInput = { target: shop.target, sku, buyers: BUYERS, concurrency: CONCURRENCY }
  try {
    await importProducts(shop.staff, [plainProduct(SLUG, 2500), plainProduct('bench-warm', 2500)])
    await stockUp(shop.staff, ['BENCH-WARM'])
    await stockUp(shop.staff, [sku], UNITS)
    await warmUp(shop, pace(WARM_UP.seconds))
    await load.call('prepareBuyers', input)
    await drain(shop.audit)
    const sale = await load.call('payAll')
    const backlogAtEnd = await readBacklog(shop.audit)
    const drainMs = await drain(shop.audit)
    const sold = await countSold(shop, sku)
    const voidedBy = await brokenInvariants(shop.audit)
    const others = Object.values(sale.others).reduce((sum, count) => sum + count, 0)
    return {
      figures: [
        exactly(
          'orders',
          `${sold} (${sale.orders} acknowledged)`,
          `${UNITS}`,
          sold === UNITS && sale.orders === UNITS,
        ),
        atMost({ name: 'sold out after', value: sale.soldOutAfterMs, unit: 'ms', required: 5000 }),
        exactly(
          'losers told that it is sold out',
          `${sale.toldSoldOut}${others > 0 ? `, ${others} answered otherwise` : ''}`,
          `${BUYERS - UNITS}`,
          sale.toldSoldOut === BUYERS - UNITS && others === 0,
        ),
        atMost({
          name: 'losers answered within (slowest)',
          value: sale.losers.max,
          unit: 'ms',
          required: 1000,
        }),
        measuredOnly('losers p50 / p99', `${sale.losers.p50} / ${sale.losers.p99} ms`),
        measuredOnly(
          'winners p50 / p99 / slowest',
          `${sale.winners.p50} / ${sale.winners.p99} / ${sale.winners.max} ms`,
        ),
        measuredOnly(
          'everybody answered after',
          `${sale.everybodyAnsweredAfterMs} ms; events and mails ${drainMs} ms later`,
        ),
      ],
      voidedBy,
      raw: { durability: shop.durability, sale, backlogAtEnd, drainMs, sold },
    }
  } finally {
    load.stop()
    await shop.close()
  }
}

async function warmUp(shop: BenchShop, seconds: number): Promise<void> {
  const load: LoadProcess<typeof import('./funnel-load.ts')> = startLoad(
    new URL('funnel-load.ts', import.meta.url),
  )
  try {
    await load.call('runFunnels', {
      target: shop.target,
      items: [{ slug: 'bench-warm', sku: 'BENCH-WARM', listPath: '/products?limit=24' }],
      clients: WARM_UP.clients,
      seconds,
    })
  } finally {
    load.stop()
  }
}

/** Units of the SKU in orders, each with a committed reservation: what the shop believes it has sold. */
async function countSold({ audit }: BenchShop, sku: string): Promise<number> {
  const [row] = await audit.query<{ units: number }>(
    `select coalesce(sum(quantity), 0)::int as units from "order".order_line where sku = $1`,
    [sku],
  )
  return row?.units ?? 0
}

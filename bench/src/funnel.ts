import { brokenInvariants } from '../../tests/harness/audit.ts'
import { openShop } from './bench-shop.ts'
import { cpuPerOrder, type FunnelRun, faultsOf, runOnce, stockShop } from './funnel-run.ts'
import { startLoad } from './load-process.ts'
import {
  atLeast,
  atMost,
  type Figure,
  measuredOnly,
  type Pace,
  type Scenario,
  type ScenarioResult,
} from './scenario.ts'

const WARM_UP = { clients: 16, seconds: 8 }
const SECONDS = 20
const CLIENTS = [1, 16, 64]

export const funnel: Scenario = {
  name: 'funnel',
  title: 'Guest funnel over public HTTP: guest, list, product, cart, quote, pay, order (7 requests, mail on)',
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const shop = await openShop()
  const load = startLoad<typeof import('./funnel-load.ts')>(new URL('funnel-load.ts', import.meta.url))
  try {
    const items = await stockShop(shop)
    await runOnce(shop, load, { target: shop.target, items, ...WARM_UP, seconds: pace(WARM_UP.seconds) })
    const runs: FunnelRun[] = []
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
      ...runs.flatMap(run => faultsOf(run, `${run.clients} clients`)),
    ]
    return { figures: runs.flatMap(figuresOf), voidedBy, raw: { durability: shop.durability, runs } }
  } finally {
    load.stop()
    await shop.close()
  }
}

function figuresOf(run: FunnelRun): Figure[] {
  const { clients, load, ordersPerSecond, backlogAtEnd, drainMs } = run
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
    measuredOnly(`CPU per order, ${clients} client${clients === 1 ? '' : 's'}`, cpuPerOrder(run)),
    measuredOnly(
      `owed at the end, ${clients} client${clients === 1 ? '' : 's'}`,
      `${backlogAtEnd.unpublishedEvents} events, ${backlogAtEnd.unsentMessages} mails, oldest ` +
        `${Math.round(backlogAtEnd.oldestAgeMs)} ms; drained in ${drainMs} ms`,
    ),
  ]
}

import { brokenInvariants } from '../../tests/harness/audit.ts'
import { brokenBooks } from '../../tests/harness/payment-page.ts'
import { openShop } from './bench-shop.ts'
import { cpuPerOrder, type FunnelRun, faultsOf, runOnce, stockShop } from './funnel-run.ts'
import { round } from './latency.ts'
import { startLoad } from './load-process.ts'
import {
  atLeast,
  type Figure,
  measuredOnly,
  type Pace,
  type Scenario,
  type ScenarioResult,
} from './scenario.ts'

const CLIENTS = 16
const WARM_UP_SECONDS = 6
const SECONDS = 20

export const card: Scenario = {
  name: 'card',
  title: `The funnel paid by card on the sandbox's page, and by invoice, ${CLIENTS} clients (8 and 7 requests to the shop)`,
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const shop = await openShop()
  const load = startLoad<typeof import('./funnel-load.ts')>(new URL('funnel-load.ts', import.meta.url))
  try {
    const items = await stockShop(shop)
    const { hostname, port } = new URL(shop.stripeUrl)
    const paymentPages = { host: `${hostname}:${port}`, port: Number(port) }
    const by = (method: 'invoice' | 'card', seconds: number) =>
      runOnce(shop, load, {
        target: shop.target,
        paymentPages: method === 'card' ? paymentPages : undefined,
        clients: CLIENTS,
        seconds: pace(seconds),
        items,
      })
    await by('invoice', WARM_UP_SECONDS)
    await by('card', WARM_UP_SECONDS)
    const invoice = await by('invoice', SECONDS)
    const card = await by('card', SECONDS)
    const voidedBy = [
      ...(await brokenInvariants(shop.audit)),
      ...(await brokenBooks(shop.adminUrl, shop.stripeUrl)),
      ...faultsOf(invoice, 'invoice'),
      ...faultsOf(card, 'card'),
    ]
    return {
      figures: figuresOf(invoice, card),
      voidedBy,
      raw: { durability: shop.durability, invoice, card },
    }
  } finally {
    load.stop()
    await shop.close()
  }
}

function figuresOf(invoice: FunnelRun, card: FunnelRun): Figure[] {
  const rate = (name: string, { ordersPerSecond }: FunnelRun) =>
    atLeast({ name: `orders by ${name}`, value: ordersPerSecond, unit: 'orders/s' })
  const drained = ({ backlogAtEnd, drainMs }: FunnelRun) =>
    `${backlogAtEnd.unpublishedEvents} events, ${backlogAtEnd.unsentMessages} mails, ` +
    `${backlogAtEnd.unprocessedWebhooks} webhooks; drained in ${drainMs} ms`
  const { pay, resume, page } = card.load.steps
  const asked = round(resume.count / Math.max(1, card.load.orders), 2)
  return [
    rate('card', card),
    rate('invoice', invoice),
    measuredOnly('card ÷ invoice', String(round(card.ordersPerSecond / invoice.ordersPerSecond))),
    measuredOnly('pay request by card, p50 / p99', `${pay.p50} / ${pay.p99} ms`),
    measuredOnly('resume request, p50 / p99', `${resume.p50} / ${resume.p99} ms; ${asked} an order`),
    measuredOnly(
      'pay request by invoice, p50 / p99',
      `${invoice.load.steps.pay.p50} / ${invoice.load.steps.pay.p99} ms`,
    ),
    measuredOnly("the sandbox's page, p50 / p99", `${page.p50} / ${page.p99} ms`),
    measuredOnly('CPU per order by card', cpuPerOrder(card)),
    measuredOnly('CPU per order by invoice', cpuPerOrder(invoice)),
    measuredOnly('owed at the end, card', drained(card)),
    measuredOnly('owed at the end, invoice', drained(invoice)),
  ]
}

import { generateProducts } from '@storewright/demo/generate'
import { drain } from './backlog.ts'
import { type BenchShop, openShop } from './bench-shop.ts'
import { round } from './latency.ts'
import { type LoadProcess, startLoad } from './load-process.ts'
import { WATCHED_PRICE_FROM } from './price-watch.ts'
import { cpuSeconds, type Part } from './processes.ts'
import { importProducts, plainProduct, stockUp } from './products.ts'
import type { ReadsInput, ReadsLoad } from './reads-load.ts'
import {
  atLeast,
  atMost,
  type Figure,
  measuredOnly,
  type Pace,
  type Scenario,
  type ScenarioResult,
} from './scenario.ts'

type Load = LoadProcess<typeof import('./reads-load.ts')>

/** One kind of read: what is asked, and what it has to reach. */
interface Kind {
  readonly name: string
  readonly requests: ReadsInput['requests']
  readonly as: ReadsInput['as']
  readonly required: number
  readonly staleMs: number
}

interface Run {
  readonly kind: Kind
  readonly load: ReadsLoad
  readonly cores: Readonly<Record<Part | 'load', number>>
}

const PRODUCTS = 1000
const CLIENTS = 16
const SECONDS = 10
const WARM_UP_SECONDS = 3
const WRITE_EVERY_MS = 100
const EDGE_STALE_MS = 2000
const SLUG = 'bench-observatory-clock'
const TITLE = 'Observatory Zwingli Clock'
const MISSPELLED = ['loftt', 'meadwo', 'juniperr', 'quarrtz']

export const reads: Scenario = {
  name: 'reads',
  title: `Reads at ${CLIENTS} clients over ${PRODUCTS} products, while a price changes every ${WRITE_EVERY_MS} ms`,
  run,
}

async function run(pace: Pace): Promise<ScenarioResult> {
  const shop = await openShop()
  const load: Load = startLoad(new URL('reads-load.ts', import.meta.url))
  try {
    const kinds = await fillShop(shop)
    const runs: Run[] = []
    for (const kind of kinds) {
      await runOnce(shop, load, kind, pace(WARM_UP_SECONDS))
      const one = await runOnce(shop, load, kind, pace(SECONDS))
      console.log(`  ${kind.name}: ${one.load.perSecond}/s, cores ${JSON.stringify(one.cores)}`)
      runs.push(one)
    }
    return {
      figures: runs.flatMap(figuresOf),
      voidedBy: runs.flatMap(brokenBy),
      raw: { durability: shop.durability, runs },
    }
  } finally {
    load.stop()
    await shop.close()
  }
}

/** The demo shop, the watched product, a thousand generated ones with stock; then what will be asked. */
async function fillShop(shop: BenchShop): Promise<Kind[]> {
  const generated = generateProducts(PRODUCTS).map((product, index, all) => ({
    ...product,
    related: all.slice(Math.max(0, index - 4), index).map(({ slug }) => slug),
  }))
  const category = generated[0]?.category
  if (!category) throw new Error('no products were generated')
  const watched = { ...plainProduct(SLUG, WATCHED_PRICE_FROM), title: TITLE, category }
  await importProducts(shop.staff, [watched, ...generated])
  const skus = [watched, ...generated].flatMap(product => product.variants.map(({ sku }) => sku))
  for (let from = 0; from < skus.length; from += 1000)
    await stockUp(shop.staff, skus.slice(from, from + 1000), 50)
  await drain(shop.audit)

  const categories = [...new Set(generated.map(product => product.category.slug))]
  const plain = (path: string) => ({ path, watched: false })
  const seen = (path: string) => ({ path, watched: true })
  const mixed = (others: string[], mine: string[]) =>
    others.flatMap((path, index) =>
      index % 3 === 2 ? [plain(path), seen(mine[((index / 3) % mine.length) | 0] ?? '')] : [plain(path)],
    )
  const api = { as: 'json', required: 1000, staleMs: 0 } as const
  const edge = { as: 'page', required: 5000, staleMs: EDGE_STALE_MS } as const
  const inCategory = `/api/products?limit=24&category=${category.slug}`
  const sample = generated.filter((_, index) => index % 5 === 0)
  return [
    {
      name: 'API list of 24',
      requests: mixed(
        categories.flatMap(slug =>
          ['featured', 'newest', 'price-asc', 'price-desc'].map(
            sort => `/api/products?limit=24&category=${slug}&sort=${sort}`,
          ),
        ),
        [inCategory, `${inCategory}&sort=price-desc`, '/api/products?limit=24&sort=price-desc'],
      ),
      ...api,
    },
    {
      name: 'API product detail',
      requests: mixed(
        sample.map(({ slug }) => `/api/products/${slug}`),
        [`/api/products/${SLUG}`],
      ),
      ...api,
    },
    {
      name: 'API search',
      requests: mixed(
        [...sample.slice(0, 60).map(({ title }) => title), ...MISSPELLED].map(
          words => `/api/search?limit=24&q=${encodeURIComponent(words)}`,
        ),
        [`/api/search?limit=24&q=${encodeURIComponent(TITLE)}`],
      ),
      ...api,
    },
    { name: 'edge-cached category page', requests: [seen(`/c/${category.slug}`)], ...edge },
    { name: 'edge-cached product page', requests: [seen(`/p/${SLUG}`)], ...edge },
  ]
}

async function runOnce(shop: BenchShop, load: Load, kind: Kind, seconds: number): Promise<Run> {
  const before = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const result = await load.call('readWhileWriting', {
    target: shop.target,
    clients: CLIENTS,
    seconds,
    requests: kind.requests,
    as: kind.as,
    staleMs: kind.staleMs,
    writer: {
      authorization: shop.staffAuthorization,
      sku: SLUG.toUpperCase(),
      slug: SLUG,
      everyMs: WRITE_EVERY_MS,
    },
  })
  const after = { shop: cpuSeconds(shop.pid), load: cpuSeconds(load.pid) }
  const part = (name: Part) => round((after.shop[name] - before.shop[name]) / seconds)
  return {
    kind,
    load: result,
    cores: {
      launcher: part('launcher'),
      platform: part('platform'),
      postgres: part('postgres'),
      mail: part('mail'),
      stripe: part('stripe'),
      load: round((after.load.launcher - before.load.launcher) / seconds),
    },
  }
}

function figuresOf({ kind, load }: Run): Figure[] {
  return [
    atLeast({ name: kind.name, value: load.perSecond, unit: '/s', required: kind.required }),
    kind.staleMs === 0
      ? measuredOnly(
          `${kind.name}: answers older than an acknowledged price`,
          `${load.violationCount} of ${load.compared} compared`,
        )
      : atMost({ name: `${kind.name}: stalest`, value: load.stalestMs, unit: 'ms', required: kind.staleMs }),
    measuredOnly(
      `${kind.name}: p50 / p99`,
      `${load.latency.p50} / ${load.latency.p99} ms; ${load.writes.count} price writes, p99 ${load.writes.p99} ms`,
    ),
  ]
}

/** One stale answer, one error or one failed write voids it all: it would not be the load that was asked for. */
function brokenBy({ kind, load }: Run): string[] {
  return [
    ...(load.violationCount > 0 ? [`${kind.name}: ${load.violationCount}, ${load.violations[0]}`] : []),
    ...(Object.keys(load.errors).length > 0 ? [`${kind.name}: answers ${JSON.stringify(load.errors)}`] : []),
    ...(load.failedWrites > 0 ? [`${kind.name}: ${load.failedWrites} price writes failed`] : []),
    ...(load.compared === 0 ? [`${kind.name}: no answer was compared with a price`] : []),
  ]
}

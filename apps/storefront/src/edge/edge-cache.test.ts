import assert from 'node:assert/strict'
import { createServer, get, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createEdgeCache, type EdgeCache } from './edge-cache.ts'

const PUBLIC = {
  'content-type': 'text/html',
  'cache-control': 'public, max-age=0, s-maxage=1, stale-while-revalidate=1',
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

interface Shop {
  cache: EdgeCache
  /** The monotonic clock of the cache, moved by hand. */
  clock: { nowMs: number }
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>
}

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections()
})

async function startShop(
  render: (request: Request) => Promise<Response> | Response,
  options: { maxBytes?: number } = {},
): Promise<Shop> {
  const clock = { nowMs: 0 }
  const cache = createEdgeCache({
    render: async request => render(request),
    bypass: (_, response) => response.end('bypassed'),
    origin: 'http://shop.test',
    now: () => clock.nowMs,
    ...options,
  })
  const server = createServer((request, response) => {
    if (!cache.handle(request, response)) response.end('not for the cache')
  })
  open.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<Answer>((resolve, reject) => {
      get({ port, host: '127.0.0.1', path, headers, method }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }),
        )
      }).on('error', reject)
    })
  return { cache, clock, ask }
}

test('renders a page once for a crowd that arrives at the same moment', async () => {
  const { cache, ask } = await startShop(async () => {
    await new Promise(resolve => setTimeout(resolve, 20))
    return new Response('page', { headers: PUBLIC })
  })
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask('/p/halo-vase')))
  assert.equal(cache.stats.renders, 1)
  assert.ok(answers.every(({ status, body }) => status === 200 && body.toString() === 'page'))
})

test('answers gzip to those who accept it and the same page to those who do not', async () => {
  const page = 'a long page '.repeat(500)
  const { ask } = await startShop(() => new Response(page, { headers: PUBLIC }))
  const compressed = await ask('/', { 'accept-encoding': 'br, gzip' })
  const plain = await ask('/')
  const refused = await ask('/', { 'accept-encoding': 'gzip;q=0' })
  assert.equal(compressed.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(compressed.body).toString(), page)
  assert.equal(plain.headers['content-encoding'], undefined)
  assert.equal(plain.body.toString(), page)
  assert.equal(refused.body.toString(), page)
  assert.equal(plain.headers.vary, 'accept-encoding')
})

test('answers 304 to a browser that has the page already', async () => {
  const { ask } = await startShop(() => new Response('page', { headers: PUBLIC }))
  const { headers } = await ask('/about')
  const again = await ask('/about', { 'if-none-match': headers.etag ?? '' })
  assert.equal(again.status, 304)
  assert.equal(again.body.length, 0)
  assert.equal(again.headers.etag, headers.etag)
})

test('gives the stale page while it renders the next, and never one older than two seconds', async () => {
  let version = 0
  const { cache, clock, ask } = await startShop(() => new Response(`v${++version}`, { headers: PUBLIC }))
  const text = async () => (await ask('/c/lighting')).body.toString()
  assert.equal(await text(), 'v1')
  clock.nowMs = 999
  assert.equal(await text(), 'v1')
  assert.equal(cache.stats.renders, 1)
  clock.nowMs = 1_500
  assert.equal(await text(), 'v1')
  let shown = await text()
  for (let tries = 0; shown === 'v1' && tries < 100; tries++) shown = await text()
  assert.equal(shown, 'v2')
  clock.nowMs = 1_500 + 2_000
  assert.equal(await text(), 'v3')
})

test('caps the life of a page that claims a longer one', async () => {
  let version = 0
  const headers = { ...PUBLIC, 'cache-control': 'public, s-maxage=600, stale-while-revalidate=600' }
  const { clock, ask } = await startShop(() => new Response(`v${++version}`, { headers }))
  await ask('/')
  clock.nowMs = 2_000
  assert.equal((await ask('/')).body.toString(), 'v2')
})

test('renders without the cookies of whoever asked first', async () => {
  let seen: string | null = 'nothing yet'
  const { ask } = await startShop(request => {
    seen = request.headers.get('cookie')
    return new Response('page', { headers: PUBLIC })
  })
  await ask('/', { cookie: '__Host-guest=secret', authorization: 'Bearer secret' })
  assert.equal(seen, null)
})

for (const [what, headers, status] of [
  ['sets a cookie', { ...PUBLIC, 'set-cookie': 'a=b' }, 200],
  ['is private', { ...PUBLIC, 'cache-control': 'private, no-store' }, 200],
  ['says nothing about caching', { 'content-type': 'text/html' }, 200],
  ['is an error', PUBLIC, 500],
  ['is not found', PUBLIC, 404],
  ['is not HTML', { ...PUBLIC, 'content-type': 'application/json' }, 200],
] as const)
  test(`never shares a page that ${what}`, async () => {
    const { cache, ask } = await startShop(() => new Response('mine', { status, headers }))
    assert.equal((await ask('/p/x')).body.toString(), 'bypassed')
    assert.equal((await ask('/p/x')).body.toString(), 'bypassed')
    assert.deepEqual([cache.stats.entries, cache.stats.renders], [0, 2])
  })

test('passes a request on when the rendering throws', async () => {
  const { ask } = await startShop(() => Promise.reject(new Error('database is down')))
  assert.equal((await ask('/')).body.toString(), 'bypassed')
})

for (const path of [
  '/cart',
  '/us/checkout',
  '/orders/ord_1?token=x',
  '/api/cart',
  '/?utm_source=x',
  '/p/a?v=1&x=2',
])
  test(`leaves ${path} alone`, async () => {
    const { cache, ask } = await startShop(() => new Response('page', { headers: PUBLIC }))
    assert.equal((await ask(path)).body.toString(), 'not for the cache')
    assert.equal(cache.stats.renders, 0)
  })

test('leaves everything but GET alone, even for a page it holds', async () => {
  const { ask } = await startShop(() => new Response('page', { headers: PUBLIC }))
  await ask('/')
  assert.equal((await ask('/', {}, 'POST')).body.toString(), 'not for the cache')
})

test('keeps markets, variants, sorts and searches apart', async () => {
  const { ask } = await startShop(request => new Response(request.url, { headers: PUBLIC }))
  for (const path of [
    '/us',
    '/uk/p/a?v=A-1',
    '/c/a?sort=newest&cursor=x',
    '/search?q=lamp',
    '/us/search?q=lamp',
  ])
    assert.equal((await ask(path)).body.toString(), `http://shop.test${path}`)
})

test('stays within its bytes and drops what nobody asks for first', async () => {
  const { cache, ask } = await startShop(() => new Response('x'.repeat(1_000), { headers: PUBLIC }), {
    maxBytes: 16_000,
  })
  for (let page = 0; page < 40; page++) {
    await ask(`/p/page-${page}`)
    await ask('/p/page-0')
    assert.ok(cache.stats.bytes <= 16_000)
  }
  const before = cache.stats.renders
  await ask('/p/page-0')
  assert.equal(cache.stats.renders, before)
})

test('does not repeat the request id of the first shopper to the others', async () => {
  const { ask } = await startShop(
    () =>
      new Response('page', { headers: { ...PUBLIC, 'x-request-id': 'abc', 'content-security-policy': 'x' } }),
  )
  const { headers } = await ask('/')
  assert.equal(headers['x-request-id'], undefined)
  assert.equal(headers['content-security-policy'], 'x')
})

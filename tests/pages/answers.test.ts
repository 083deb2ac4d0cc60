import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, type Visit } from '../harness/browser.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { buy, PUBLIC_ROUTES, REFUSED_ROUTES, shopperVisit } from '../harness/shop-routes.ts'

/** What stands in the answers themselves, whoever draws them. */

let platform: PlatformProcess
let browser: Browser
let shopper: Visit
let cookie: string
/** Pages of this one shopper: cart, checkout, order. */
const personal: string[] = []

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
  shopper = await shopperVisit(browser, platform.url)
  personal.push(await buy(shopper, platform.url, 'answers@example.com'))
  await shopper.close()
  shopper = await shopperVisit(browser, platform.url)
  cookie = (await shopper.context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  personal.push(`${platform.url}/cart`, `${platform.url}/checkout`, `${platform.url}/us/cart`)
  personal.push(`${platform.url}/admin/welcome?token=x`)
})
after(async () => {
  await shopper?.close()
  await browser?.close()
  await platform?.stop()
})

for (const path of PUBLIC_ROUTES)
  test(`${path} is the same for everybody and sets no cookie`, async () => {
    const ask = (headers: Record<string, string>) => fetch(platform.url + path, { headers })
    const readers = [
      {},
      { cookie, 'user-agent': 'one', 'accept-language': 'de', 'x-forwarded-for': '203.0.113.7' },
      {
        cookie: 'storewright_guest=forged; theme=dark',
        'user-agent': 'two',
        referer: 'https://elsewhere.example/',
      },
    ]
    const bodies = new Set<string>()
    for (const headers of readers) {
      // With another query the edge cache does not know it renders anew, for this reader.
      for (const separator of ['', path.includes('?') ? '&uncached=1' : '?uncached=1']) {
        const answer = await fetch(platform.url + path + separator, { headers })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('set-cookie'), null)
        assert.match(answer.headers.get('cache-control') ?? '', /^public, .*s-maxage=\d/)
        assert.doesNotMatch(answer.headers.get('vary') ?? '', /cookie|user-agent/i)
        bodies.add(await answer.text())
      }
    }
    assert.equal(bodies.size, 1)
    assert.match((await ask({})).headers.get('content-type') ?? '', /^text\/html/)
  })

suite('a page about one shopper is kept by nobody', () => {
  test('cart, checkout, order and admin', async () => {
    for (const address of personal) {
      const answer = await fetch(address, { headers: { cookie } })
      assert.equal(answer.status, 200, address)
      assert.equal(answer.headers.get('cache-control'), 'private, no-store', address)
    }
  })

  test('redirects and refusals on the way to them', async () => {
    for (const path of ['/checkout', '/cart', ...REFUSED_ROUTES.map(({ path }) => path)]) {
      const answer = await fetch(platform.url + path, { redirect: 'manual' })
      assert.match(answer.headers.get('cache-control') ?? '', /no-store/, path)
    }
  })

  test('the order’s address is told to no other site', async () => {
    const [order = ''] = personal
    assert.equal((await fetch(order)).headers.get('referrer-policy'), 'no-referrer')
  })
})

test('every page forbids what is inline, foreign frames and guessed types', async () => {
  const paths = [...PUBLIC_ROUTES, ...REFUSED_ROUTES.map(({ path }) => path)].map(path => platform.url + path)
  for (const address of [...paths, ...personal]) {
    const answer = await fetch(address, { headers: { cookie } })
    const policy = answer.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/, address)
    assert.match(policy, /script-src 'self'(;|$)/)
    assert.match(policy, /style-src 'self'(;|$)/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.match(policy, /base-uri 'none'/)
    assert.doesNotMatch(policy, /unsafe|\*/)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(answer.headers.get('x-frame-options'), 'DENY')
    assert.ok(answer.headers.get('x-request-id') || answer.headers.get('etag'), 'no trace of who answered')
    assert.deepEqual(inlineCode(await answer.text()), [], address)
  }
})

test('every file a page loads may be kept and is what it says', async () => {
  const html = await (await fetch(`${platform.url}/p/tidal-vase`)).text()
  const files = [...html.matchAll(/(?:src|href)="(\/_astro\/[^"]+|\/media\/[^"]+|\/icon\.svg)"/g)].map(
    ([, path]) => path ?? '',
  )
  assert.ok(files.length > 5)
  for (const path of new Set(files)) {
    const answer = await fetch(platform.url + path)
    assert.equal(answer.status, 200, path)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(answer.headers.get('set-cookie'), null)
    assert.match(answer.headers.get('cache-control') ?? '', /max-age=\d{4,}/, path)
    assert.ok(answer.headers.get('content-type'))
  }
})

/** Script and style that the policy would refuse. JSON-LD is data; quoted attributes are text. */
function inlineCode(html: string): string[] {
  const unquoted = html.replaceAll(/(content|alt|value|placeholder)="[^"]*"/g, '')
  const found = [...unquoted.matchAll(/<style|\sstyle=|\son[a-z]+=|javascript:/g)].map(([text]) => text)
  for (const [whole, attributes = '', body = ''] of unquoted.matchAll(/<script([^>]*)>(.*?)<\/script>/gs))
    if (!attributes.includes('application/ld+json') && (body.trim() !== '' || !attributes.includes('src="/')))
      found.push(whole)
  return found
}

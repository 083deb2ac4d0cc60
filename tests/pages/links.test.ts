import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, type Visit, visit } from '../harness/browser.ts'
import { textOf } from '../harness/checkout-page.ts'
import { firstMail, trackingLink } from '../harness/inbox.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { buy, REFUSED_ROUTES, shopperVisit } from '../harness/shop-routes.ts'

let platform: PlatformProcess
let browser: Browser

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
})
after(async () => {
  await browser?.close()
  await platform?.stop()
})

/** The demo shop has some 500 addresses in three markets; more would be a maze that links to itself. */
const PAGES_MAX = 2_000
const AT_ONCE = 8

test('every link and file on every page that can be reached from the front page answers', async () => {
  const queue = ['/', '/robots.txt', '/icon.svg']
  const linkedFrom = new Map(queue.map(path => [path, 'the start']))
  const broken: string[] = []
  const look = async (path: string) => {
    const answer = await fetch(platform.url + path, { redirect: 'manual' })
    if (answer.status >= 400) broken.push(`${answer.status} ${path} (from ${linkedFrom.get(path)})`)
    if (!answer.headers.get('content-type')?.startsWith('text/html')) return answer.body?.cancel()
    for (const link of linksIn(await answer.text(), path))
      if (!linkedFrom.has(link)) {
        linkedFrom.set(link, path)
        queue.push(link)
      }
  }
  while (queue.length > 0) {
    await Promise.all(queue.splice(0, AT_ONCE).map(look))
    assert.ok(linkedFrom.size < PAGES_MAX, 'the shop links to ever new addresses')
  }
  assert.deepEqual(broken, [])
  const paths = [...linkedFrom.keys()]
  for (const prefix of ['', '/us', '/uk'])
    assert.ok(
      paths.filter(path => path.startsWith(`${prefix}/p/`)).length >= 48,
      `products under "${prefix}"`,
    )
})

test('every link on a shopper’s own pages answers', async () => {
  await using shopper = await shopperVisit(browser, platform.url)
  const pages = [`${platform.url}/cart`, `${platform.url}/checkout`]
  for (const address of pages) await follow(shopper, address)
  await follow(shopper, await buy(shopper, platform.url, 'links@example.com'))
})

test('every link on an order’s page answers to a reader who has nothing but the mail', async () => {
  await using shopper = await shopperVisit(browser, platform.url)
  await buy(shopper, platform.url, 'links-mail@example.com')
  await using reader = await visit(browser)
  await follow(reader, trackingLink(await firstMail(platform.inboxUrl, 'links-mail@example.com')))
})
for (const { path, status } of REFUSED_ROUTES)
  test(`${path} is refused with ${status} by a page of the shop that leads on`, async () => {
    await using lost = await visit(browser)
    const { page } = lost
    const answer = await page.goto(platform.url + path)
    assert.equal(answer?.status(), status)
    assert.equal(await textOf(page.locator('h1')), 'This page isn’t here')
    assert.equal(await page.locator('meta[name=robots][content=noindex]').count(), 1)
    assert.ok(await page.getByRole('searchbox').isVisible())
    await page.getByRole('link', { name: 'To the front page' }).click()
    await page.getByRole('heading', { level: 1, name: 'Things worth keeping' }).waitFor()
  })

async function follow({ page, context }: Visit, address: string): Promise<void> {
  await page.goto(address)
  const links = await page
    .locator('a[href]')
    .evaluateAll(all => [...new Set(all.map(link => (link as HTMLAnchorElement).href))])
  assert.ok(links.length > 2)
  for (const link of links.filter(link => link.startsWith(platform.url))) {
    const answer = await context.request.get(link)
    assert.ok(answer.status() < 400, `${answer.status()} ${link} (from ${address})`)
  }
}

/** Addresses of our own that a page names in links, pictures, styles and scripts; without the part after #. */
function linksIn(html: string, path: string): string[] {
  const base = new URL(path, platform.url)
  const named = [...html.matchAll(/\s(?:href|src|srcset)="([^"]+)"/g)].map(([, value = '']) =>
    value.replaceAll('&amp;', '&').replaceAll('&#38;', '&'),
  )
  return named.flatMap(value => {
    const url = URL.parse(value, base)
    return url?.origin === base.origin ? [url.pathname + url.search] : []
  })
}

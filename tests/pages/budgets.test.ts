import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page, Response } from 'playwright-core'
import { launchBrowser, SCREENS, type VisitOptions, visit } from '../harness/browser.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { shopperVisit } from '../harness/shop-routes.ts'

/** Kilobytes over the wire and requests of a first view with an empty browser cache. */
interface Budget {
  readonly js: number
  readonly html: number
  readonly requests: number
}

const PAGES: Record<string, Budget> = {
  '/': { js: 12, html: 15, requests: 18 },
  '/us': { js: 12, html: 15, requests: 18 },
  '/c/ceramics-glass': { js: 15, html: 15, requests: 20 },
  '/search?q=lamp': { js: 15, html: 15, requests: 20 },
  '/collections/new-season': { js: 15, html: 15, requests: 20 },
  '/p/tidal-vase': { js: 20, html: 15, requests: 20 },
  '/cart': { js: 20, html: 12, requests: 15 },
  '/checkout': { js: 35, html: 12, requests: 15 },
}
const CSS_KB = 15
const LCP_IMAGE_KB = 60
const LIST_TOTAL_KB = 350

/** Layout that moves under the reader's finger; 0.01 is what nobody sees. */
const SHIFT_MAX = 0.01

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

for (const screen of ['phone', 'desktop'] as const)
  for (const [path, budget] of Object.entries(PAGES))
    test(`${path} on a ${screen} stays within its budget`, async () => {
      const seen = await firstView(path, { screen })
      const kilobytes = (type: string) =>
        seen.files.filter(file => file.type === type).reduce((sum, file) => sum + file.bytes, 0) / 1000
      const said = seen.files.map(({ type, bytes, url }) => `${type} ${bytes} ${url}`).join('\n')
      assert.ok(kilobytes('script') <= budget.js, `${kilobytes('script')} kB of scripts\n${said}`)
      assert.ok(kilobytes('stylesheet') <= CSS_KB, `${kilobytes('stylesheet')} kB of styles\n${said}`)
      assert.ok(kilobytes('document') <= budget.html, `${kilobytes('document')} kB of HTML\n${said}`)
      assert.ok(seen.files.length <= budget.requests, `${seen.files.length} requests\n${said}`)
      assert.ok(seen.shift <= SHIFT_MAX, `the layout shifts by ${seen.shift}`)
      const largest = seen.files.find(({ url }) => url === seen.largestImageUrl)
      if (seen.largestImageUrl) assert.ok(largest, `the largest picture came from nowhere:\n${said}`)
      assert.ok((largest?.bytes ?? 0) <= LCP_IMAGE_KB * 1000, `largest picture ${largest?.bytes}`)
      const total = seen.files.reduce((sum, file) => sum + file.bytes, 0) / 1000
      assert.ok(total <= LIST_TOTAL_KB, `${total} kB in all\n${said}`)
    })

test('the largest picture of front page and product is asked for first, the ones below the fold are not', async () => {
  for (const path of ['/', '/p/tidal-vase']) {
    const html = await (await fetch(platform.url + path)).text()
    const pictures = [...html.matchAll(/<img[^>]*>/g)].map(([tag]) => tag)
    const [first = '', ...others] = pictures
    assert.match(first, /fetchpriority="high"/, path)
    assert.match(first, /loading="eager"/)
    assert.ok(others.every(tag => /loading="lazy"/.test(tag)))
    for (const tag of pictures) assert.match(tag, /width="\d+" height="\d+"/, 'room is kept for it')
  }
})

test('the first view of a product on a phone shows its name, its price and the way to buy it', async () => {
  for (const path of ['/p/tidal-vase', '/us/p/lull-headphones']) {
    await using shopper = await visit(browser, { screen: 'phone' })
    const { page } = shopper
    await page.goto(platform.url + path)
    const bar = await page.locator('.add').boundingBox()
    assert.ok(bar && bar.y + bar.height <= SCREENS.phone.height, path)
    for (const part of ['h1', '.price']) {
      const box = await page.locator(part).boundingBox()
      assert.ok(box && box.y + box.height <= bar.y, `${part} of ${path} ends at ${box && box.y + box.height}`)
    }
  }
})

interface FirstView {
  readonly files: readonly { readonly url: string; readonly type: string; readonly bytes: number }[]
  readonly largestImageUrl: string
  readonly shift: number
}

/** In a browser that knows the shopper's cart but holds no file yet. */
async function firstView(path: string, options: VisitOptions): Promise<FirstView> {
  await using shopper = await shopperVisit(browser, platform.url, options)
  const cookies = await shopper.context.cookies()
  const fresh = await browser.newContext({
    ...(options.screen === 'phone'
      ? { viewport: { width: 390, height: 844 }, isMobile: true }
      : { viewport: { width: 1440, height: 900 } }),
  })
  await fresh.addCookies(cookies)
  const page = await fresh.newPage()
  const responses: Response[] = []
  page.on('response', response => {
    // The picture in the browser's tab belongs to the site, and is kept for all its pages.
    if (!response.url().endsWith('/icon.svg')) responses.push(response)
  })
  await page.goto(platform.url + path, { waitUntil: 'networkidle' })
  const files = await Promise.all(responses.map(sizeOf))
  const painted = await paintOf(page)
  await fresh.close()
  return { files, ...painted }
}

/** As it came over the wire. */
async function sizeOf(response: Response): Promise<FirstView['files'][number]> {
  const request = response.request()
  const { responseBodySize } = await request.sizes()
  return { url: request.url(), type: request.resourceType(), bytes: responseBodySize }
}

function paintOf(page: Page): Promise<{ largestImageUrl: string; shift: number }> {
  return page.evaluate(
    () =>
      new Promise(resolve => {
        let largestImageUrl = ''
        let shift = 0
        new PerformanceObserver(list => {
          for (const entry of list.getEntries()) largestImageUrl = (entry as unknown as { url: string }).url
        }).observe({ type: 'largest-contentful-paint', buffered: true })
        new PerformanceObserver(list => {
          for (const entry of list.getEntries()) shift += (entry as unknown as { value: number }).value
        }).observe({ type: 'layout-shift', buffered: true })
        // Buffered entries are handed over in the next task.
        setTimeout(() => resolve({ largestImageUrl, shift }), 50)
      }),
  )
}

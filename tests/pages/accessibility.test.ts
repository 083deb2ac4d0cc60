import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, suite, test } from 'node:test'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, SCREENS, type Visit, visit } from '../harness/browser.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import {
  buy,
  CART_ROUTES,
  EMPTY_CART_ROUTES,
  openRefusedCheckout,
  PUBLIC_ROUTES,
  REFUSED_ROUTES,
  shopperVisit,
} from '../harness/shop-routes.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']

/** WCAG 1.4.10: 1280 px at 400 %. */
const REFLOW = { width: 320, height: 640 }

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

for (const scheme of ['light', 'dark'] as const)
  suite(`free of axe violations on phone and desktop, and without sideways scrolling at 320 px, ${scheme}`, () => {
    let shopper: Visit

    before(async () => {
      // Without motion nothing is judged halfway through a transition.
      shopper = await shopperVisit(browser, platform.url, { scheme, reducedMotion: 'reduce' })
    })
    after(() => shopper?.close())

    for (const path of [...CART_ROUTES, ...PUBLIC_ROUTES])
      test(path, async () => {
        const answer = await shopper.page.goto(platform.url + path)
        assert.equal(answer?.status(), 200)
        await judge(shopper.page)
      })

    for (const { path, status } of REFUSED_ROUTES)
      test(`${path} (${status})`, async () => {
        const answer = await shopper.page.goto(platform.url + path)
        assert.equal(answer?.status(), status)
        await judge(shopper.page)
      })

    test('/checkout with a message beside every field', async () => {
      await openRefusedCheckout(shopper, platform.url)
      await judge(shopper.page)
    })

    test('/checkout with another billing address', async () => {
      await shopper.page.goto(`${platform.url}/checkout`)
      await shopper.page.getByLabel('Another address').check()
      await judge(shopper.page)
    })

    test('the open list of markets', async () => {
      await shopper.page.goto(platform.url)
      await shopper.page.locator('.markets summary').click()
      await judge(shopper.page)
    })

    // Empties the cart, so what needs one stands above.
    test('the confirmation, and the order’s page', async () => {
      const address = await buy(shopper, platform.url, `axe-${scheme}@example.com`)
      await judge(shopper.page)
      await shopper.page.goto(address.replace('&placed=1', ''))
      await judge(shopper.page)
    })

    for (const path of EMPTY_CART_ROUTES)
      test(`${path} without a cart`, async () => {
        await shopper.page.goto(platform.url + path)
        await judge(shopper.page)
      })
  })

test('nothing moves for people who asked for less motion, and something does for others', async () => {
  await using looking = await visit(browser)
  const { page } = looking
  for (const path of ['/', '/p/tidal-vase', '/c/lighting']) {
    await page.goto(platform.url + path)
    await page.emulateMedia({ reducedMotion: 'reduce' })
    assert.deepEqual(await movingElements(page), [], path)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    assert.notDeepEqual(await movingElements(page), [], path)
  }
})

async function judge(page: Page): Promise<void> {
  const found: string[] = []
  await page.evaluate(AXE)
  for (const screen of ['phone', 'desktop'] as const) {
    await resize(page, SCREENS[screen])
    for (const violation of await violations(page)) found.push(`${screen}: ${violation}`)
  }
  await resize(page, REFLOW)
  found.push(...(await overflow(page)))
  assert.deepEqual(found, [])
}

/** Resolves when the page is laid out and drawn anew, from its top: what sticks there covers nothing by chance. */
async function resize(page: Page, size: { width: number; height: number }): Promise<void> {
  await page.setViewportSize(size)
  await page.evaluate(async () => {
    scrollTo({ top: 0, behavior: 'instant' })
    const frame = () => new Promise(requestAnimationFrame)
    await frame()
    await frame()
  })
}

async function violations(page: Page): Promise<string[]> {
  const result = await page.evaluate(
    tags =>
      (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
      }),
    TAGS,
  )
  return result.violations.flatMap(({ id, nodes }) =>
    nodes.map(node => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary?.replaceAll('\n', ' ')}`),
  )
}

/** A page that scrolls sideways, and what sticks out of it. */
function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.scrollingElement
    if (!root || root.scrollWidth <= innerWidth) return []
    const sticksOut = [...document.body.querySelectorAll('*')]
      .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
      .slice(0, 5)
      .map(element => `${element.tagName} ${element.className} ${element.getBoundingClientRect().right}`)
    return [`320 px: scrolls to ${root.scrollWidth}: ${sticksOut.join('; ')}`]
  })
}

/**
 * Elements whose transitions or animations take time, and pages that fade into each other. However short: a transition
 * of all properties keeps a media query's old sizes for a frame, so that the page is laid out for another width.
 */
function movingElements(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const longest = (list: string) => Math.max(...list.split(',').map(time => Number.parseFloat(time)))
    const moving = [...document.querySelectorAll('*')].flatMap(element =>
      [element, '::before', '::after'].flatMap(pseudo => {
        const style = getComputedStyle(element, typeof pseudo === 'string' ? pseudo : null)
        const moves =
          (style.transitionProperty !== 'none' && longest(style.transitionDuration) > 0) ||
          (style.animationName !== 'none' && longest(style.animationDuration) > 0)
        return moves
          ? [`${element.tagName}.${element.className}${typeof pseudo === 'string' ? pseudo : ''}`]
          : []
      }),
    )
    if (getComputedStyle(document.documentElement).scrollBehavior === 'smooth')
      moving.push('smooth scrolling')
    return moving
  })
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, visit } from '../harness/browser.ts'
import { mailsTo } from '../harness/inbox.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'

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

/** More than any page of the shop has. */
const STOPS_MAX = 200
const LOOKS_MAX = 100

for (const scripts of [true, false])
  test(`from the address bar to an order without a mouse, ${scripts ? 'with' : 'without'} scripts`, async () => {
    const email = `keys-${scripts}@example.com`
    await using walking = await visit(browser, { scripts, reducedMotion: 'reduce' })
    const { page } = walking
    await page.goto(platform.url)

    const skip = await press(page, 'Tab')
    assert.equal(skip.name, 'Skip to content')
    assert.ok(skip.isInView, 'the skip link shows when it is reached')
    await page.keyboard.press('Enter')
    await page.waitForURL(/#content$/)
    const first = await press(page, 'Tab')
    assert.equal(first.name, 'See what is new', 'the skip link skips the head of the page')

    await page.goto(platform.url)
    await tabTo(page, 'Search the shop')
    await page.keyboard.type('teapot')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/search\?q=teapot/)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await tabTo(page, 'Orchard Teapot')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/p\/orchard-teapot/)
    await tabTo(page, 'Soot')
    await page.keyboard.press('Enter')
    await page.waitForURL(/v=CER-OT06-SOO/)
    await tabTo(page, 'Add to cart')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/cart$/)
    await tabTo(page, 'Check out')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/checkout$/)

    // Autofocus would hide what stands above the first field; the walk begins at the top.
    await tabTo(page, 'Email, for the confirmation')
    await page.keyboard.type(email)
    for (const [label, text] of [
      ['Full name', 'Ada Byron'],
      ['Street and number', 'Hauptstr. 1'],
      ['Postal code', '10115'],
      ['City', 'Berlin'],
    ] as const) {
      await tabTo(page, label)
      await page.keyboard.type(text)
    }
    // Enter in a field must not buy.
    await page.keyboard.press('Enter')
    await page.waitForLoadState()
    await page.locator('#field-city[value="Berlin"]').waitFor()
    assert.match(page.url(), /\/checkout$/)
    await tabTo(page, /^Standard/)
    await page.keyboard.press('ArrowDown')
    // The totals are asked for anew; the focus stays where it was.
    await page.locator('#summary:not([aria-busy])').waitFor()
    assert.match((await focused(page)).name, /^Express/)
    await tabTo(page, /^Buy now/)
    await page.keyboard.press('Enter')
    if (!scripts) {
      // Nobody could show the total with other shipping before: it is shown now and has to be agreed to.
      await page.getByRole('alert').filter({ hasText: 'The total has changed' }).waitFor()
      await tabTo(page, /^Buy now/)
      await page.keyboard.press('Enter')
    }
    await page.waitForURL(/\/c\/pay\//)
    for (const [label, text] of [
      ['Card number', '4242424242424242'],
      ['Expires', '12/40'],
      ['CVC', '123'],
      ['Name on card', 'Ada Byron'],
    ] as const) {
      await tabTo(page, label)
      await page.keyboard.type(text)
    }
    await tabTo(page, /^Pay /)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
    assert.equal((await mailsTo(platform.inboxUrl, email)).length, 1)
  })

interface Stop {
  readonly name: string
  readonly isInView: boolean
  readonly isMarked: boolean
}

/** Tabs on until the element with that name has the focus; every stop on the way must be seen to have it. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = []
  while (passed.length < STOPS_MAX) {
    const stop = await press(page, 'Tab')
    passed.push(stop.name)
    if (typeof name === 'string' ? stop.name === name : name.test(stop.name)) return
  }
  assert.fail(`the Tab key never reaches ${name}: ${passed.join(' | ')}`)
}

async function press(page: Page, key: string): Promise<Stop> {
  await page.keyboard.press(key)
  let stop = await focused(page)
  // The browser scrolls to what has the focus, and draws the mark, with its next frame.
  for (let looks = 0; looks < LOOKS_MAX && !(stop.isMarked && stop.isInView); looks += 1)
    stop = await focused(page)
  assert.ok(stop.isMarked, `"${stop.name}" does not show that it has the focus`)
  assert.ok(stop.isInView, `"${stop.name}" has the focus out of sight`)
  return stop
}

/** What has the focus, as it is called, and whether one can see it. The empty name is the browser's own part. */
function focused(page: Page): Promise<Stop> {
  return page.evaluate(() => {
    const element = document.activeElement
    if (!element || element === document.body) return { name: '', isInView: true, isMarked: true }
    const label = (element as HTMLInputElement).labels?.[0]
    const name = element.getAttribute('aria-label') ?? (label ?? element).textContent ?? ''
    const box = element.getBoundingClientRect()
    const outlined = (node: Element, pseudo?: string) => {
      const style = getComputedStyle(node, pseudo)
      return (
        (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2) ||
        style.boxShadow !== 'none'
      )
    }
    const marks = [element, label, element.closest('.card, .tile, .option, .search')].filter(node => !!node)
    return {
      name: name.trim().replace(/\s+/g, ' '),
      isInView:
        box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0,
      isMarked: marks.some(node => outlined(node) || outlined(node, '::after')),
    }
  })
}

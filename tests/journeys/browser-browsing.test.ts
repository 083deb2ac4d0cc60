import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, visit } from '../harness/browser.ts'
import {
  addToCart,
  amountOf,
  DELIVERY,
  fillDelivery,
  placeOrder,
  textOf,
  totalOf,
} from '../harness/checkout-page.ts'
import { firstMail, trackingLink } from '../harness/inbox.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { newStaff, type Shopper } from '../harness/shopper.ts'

let platform: PlatformProcess
let browser: Browser

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
  await taxTheUnitedStates(await newStaff(platform.url, platform.adminLink))
})
after(async () => {
  await browser?.close()
  await platform?.stop()
})

const MISTYPED = [
  { typed: 'headfones', found: 'Lull Headphones' },
  { typed: 'tabel', found: 'Plinth Coffee Table' },
  { typed: 'cushon', found: 'Cloud Cushion' },
  { typed: 'VASES', found: 'Tidal Vase' },
]

for (const scripts of [true, false])
  for (const { typed, found } of MISTYPED)
    test(`finds "${found}" for "${typed}" ${scripts ? 'with' : 'without'} scripts`, async () => {
      await using looking = await visit(browser, { scripts, screen: 'phone' })
      const { page } = looking
      await page.goto(platform.url)
      const field = page.getByRole('searchbox', { name: 'Search the shop' })
      await field.fill(typed)
      await field.press('Enter')
      await page.waitForURL(/\/search\?q=/)
      await page.getByRole('main').getByRole('link', { name: found }).waitFor()
      assert.equal(await field.inputValue(), typed)
    })

test('a search for nothing we have offers a way on', async () => {
  await using looking = await visit(browser)
  const { page } = looking
  const answer = await page.goto(`${platform.url}/search?q=${encodeURIComponent('zzxqwv <qqjx>')}`)
  assert.equal(answer?.status(), 200)
  await page.getByRole('heading', { name: 'Nothing found for “zzxqwv <qqjx>”' }).waitFor()
  assert.ok((await page.getByRole('main').getByRole('link').count()) > 5)
})

const MARKETS = [
  {
    name: 'United States',
    prefix: '/us',
    sign: '$',
    address: {
      'Full name': 'Ada Byron',
      'Street and number': '1 Main St',
      'ZIP code': '10001',
      City: 'New York',
      State: 'NY',
    },
    taxOnTop: true,
  },
  {
    name: 'United Kingdom',
    prefix: '/uk',
    sign: '£',
    address: { ...DELIVERY, 'Postal code': 'NW1 6XE', City: 'London' },
    taxOnTop: false,
  },
]

for (const market of MARKETS)
  test(`the ${market.name} market: its currency and tax from the shelf to the mail`, async () => {
    const email = `market${market.prefix.slice(1)}@example.com`
    await using buying = await visit(browser)
    const { page } = buying
    await page.goto(`${platform.url}/p/moon-lantern`)
    assert.match(await textOf(page.locator('.buy .price')), /^€/)
    await page.locator('.markets summary').click()
    await page.locator('.markets').getByRole('link', { name: market.name }).click()
    await page.waitForURL(`${platform.url}${market.prefix}/p/moon-lantern`)
    assert.ok((await textOf(page.locator('.buy .price'))).startsWith(market.sign))

    await addToCart(page, page.url())
    await page.getByRole('link', { name: 'Check out' }).click()
    await page.getByRole('heading', { level: 1, name: 'Checkout' }).waitFor()
    await assertSums(page, market)
    await fillDelivery(page, email, market.address)
    const placed = await placeOrder(page)
    assert.ok(placed.total.startsWith(market.sign))
    await assertSums(page, market)

    const mail = await firstMail(platform.inboxUrl, email)
    assert.ok(mail.text.includes(placed.total), mail.text)
    await page.goto(trackingLink(mail))
    assert.equal(amountOf(await totalOf(page)), amountOf(placed.total))
  })

/** Every sum in the market's currency, adding up with tax on top or included. */
async function assertSums(page: Page, market: { sign: string; taxOnTop: boolean }): Promise<void> {
  const rows = await page.locator('.sums > div').evaluateAll(all =>
    all.map(row => ({
      label: row.querySelector('dt')?.textContent?.trim() ?? '',
      value: row.querySelector('dd')?.textContent?.trim() ?? '',
    })),
  )
  const value = (label: RegExp) => {
    const found = rows.find(row => label.test(row.label))
    if (!found || found.value === 'Free') return 0
    assert.ok(found.value.startsWith(market.sign), JSON.stringify(found))
    return Math.round(amountOf(found.value) * 100)
  }
  const [subtotal, shipping, total] = [value(/^Subtotal/), value(/^Shipping/), value(/^Total/)]
  const tax = value(/^(?!Includes).*[Tt]ax/)
  assert.equal(
    rows.some(row => row.label.startsWith('Includes')),
    !market.taxOnTop,
  )
  assert.equal(total, subtotal + shipping + (market.taxOnTop ? tax : 0), JSON.stringify(rows))
  if (market.taxOnTop) assert.ok(tax > 0)
}

/** The demo shop has no duty to collect tax there; a shop that has adds it on top. */
async function taxTheUnitedStates(staff: Shopper): Promise<void> {
  const set = await staff.send('PUT', '/admin/markets/us', {
    name: 'United States',
    currency: 'USD',
    locale: 'en-US',
    taxIncluded: false,
    defaultCountry: 'US',
    countries: [
      {
        code: 'US',
        name: 'United States',
        taxName: 'Sales tax',
        standardRateBasisPoints: 825,
        reducedRateBasisPoints: 0,
      },
    ],
    shippingRates: [
      {
        shippingRateId: 'ground',
        title: 'Ground',
        description: '',
        amount: 790,
        freeFromAmount: null,
        minDays: 3,
        maxDays: 5,
      },
    ],
  })
  assert.equal(set.status, 200, JSON.stringify(set.body))
}

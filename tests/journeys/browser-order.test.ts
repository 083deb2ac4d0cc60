import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, type Screen, visit } from '../harness/browser.ts'
import {
  amountOf,
  DELIVERY,
  fillDelivery,
  placeButton,
  placeOrder,
  textOf,
  totalOf,
} from '../harness/checkout-page.ts'
import { firstMail, type Mail, trackingLink } from '../harness/inbox.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, pay, payBody } from '../harness/shopper.ts'
import { type SplitPlatform, startSplitPlatform } from '../harness/split.ts'

interface Shopper {
  readonly scripts: boolean
  readonly screen: Screen
}

const SHOPPERS: Record<'embedded' | 'split', readonly Shopper[]> = {
  embedded: [
    { scripts: true, screen: 'desktop' },
    { scripts: true, screen: 'phone' },
    { scripts: false, screen: 'desktop' },
    { scripts: false, screen: 'phone' },
  ],
  split: [{ scripts: false, screen: 'desktop' }],
}

for (const mode of ['embedded', 'split'] as const)
  suite(`an order in the browser, services ${mode}`, () => {
    let split: SplitPlatform | undefined
    let platform: PlatformProcess
    let browser: Browser

    before(async () => {
      browser = await launchBrowser()
      if (mode === 'split') split = await startSplitPlatform(['inventory', 'order', 'payment'])
      platform = split ? split.platform : await startPlatformProcess()
    })
    after(async () => {
      await browser?.close()
      await (split ?? platform)?.stop()
    })

    for (const shopper of SHOPPERS[mode])
      test(`from the front page to the tracking link, ${nameOf(shopper)}`, async () => {
        const email = `${mode}-${nameOf(shopper).replaceAll(' ', '-')}@example.com`
        await using buying = await visit(browser, shopper)
        const { page } = buying
        await page.goto(platform.url)
        await chooseProduct(page)
        await putTwoIntoCart(page, shopper)
        await sendBadInput(page)
        const total = await totalOf(page)
        await fillDelivery(page, email)
        const placed = await placeOrder(page)
        assert.equal(placed.total, total)
        assert.ok(await page.getByText(email).isVisible())

        const mail = await firstMail(platform.inboxUrl, email)
        assert.ok(mail.subject.includes(placed.number), mail.subject)
        assert.ok(mail.text.includes(total), mail.text)
        await readInInbox(page, platform.inboxUrl, mail)

        await using tracking = await visit(browser, shopper)
        const answer = await tracking.page.goto(trackingLink(mail))
        assert.equal(answer?.status(), 200)
        await tracking.page.getByRole('heading', { level: 1, name: `Order ${placed.number}` }).waitFor()
        assert.equal(await totalOf(tracking.page), total)
        assert.ok(await tracking.page.getByText('Ada Byron').first().isVisible())
      })

    test('an order is nobody else’s: its page without the signed link is not there', async () => {
      const owner = await newShopper(platform.url)
      const quote = await fillCart(owner, 'LIG-ML16-ROU')
      const paid = await pay(owner, payBody(quote.cartId, quote.body, `owner-${mode}@example.com`))
      const [order] = paid.body.orders
      assert.ok(order, JSON.stringify(paid.body))
      const address = `${platform.url}/orders/${order.orderId}`
      await using stranger = await visit(browser)
      for (const guess of [
        '',
        '?token=',
        `?token=${order.orderId}.guess`,
        `?token=${order.trackingToken}x`,
      ]) {
        const answer = await stranger.page.goto(address + guess)
        assert.equal(answer?.status(), 404, guess)
        assert.equal(await stranger.page.getByText('Ada Byron').count(), 0)
      }
      const answer = await stranger.page.goto(`${address}?token=${order.trackingToken}`)
      assert.equal(answer?.status(), 200)
    })

    if (mode === 'embedded')
      test('the one-time admin link shows the key once; a second use says so', async () => {
        await using first = await visit(browser, { scripts: false })
        await first.page.goto(platform.adminLink)
        await first.page.getByRole('button', { name: 'Create my key' }).click()
        await first.page.getByRole('heading', { name: 'This is your key' }).waitFor()
        const key = (await first.page.content()).match(/sk_[\w-]{20,}/)?.[0]
        assert.ok(key)
        const orders = await fetch(`${platform.url}/api/admin/orders`, {
          headers: { authorization: `Bearer ${key}` },
        })
        assert.equal(orders.status, 200)

        await using second = await visit(browser)
        await second.page.goto(platform.adminLink)
        const [answer] = await Promise.all([
          second.page.waitForResponse(response => response.request().method() === 'POST'),
          second.page.getByRole('button', { name: 'Create my key' }).click(),
        ])
        assert.equal(answer.status(), 403)
        await second.page.getByRole('alert').filter({ hasText: 'used already' }).waitFor()
        assert.doesNotMatch(await second.page.content(), /sk_[\w-]{20,}/)
      })
  })

function nameOf({ scripts, screen }: Shopper): string {
  return `${scripts ? 'with' : 'without'} scripts on a ${screen}`
}

/** Category → sorted → product → another color and size. */
async function chooseProduct(page: Page): Promise<void> {
  const categories = page.getByRole('navigation', { name: 'Categories' })
  await categories.getByRole('link', { name: 'Ceramics & Glass' }).click()
  await page.getByRole('heading', { level: 1, name: 'Ceramics & Glass' }).waitFor()
  await page.getByRole('link', { name: 'Price, low to high' }).click()
  await page.waitForURL(/sort=price-asc/)
  const prices = (await page.locator('.card-line > .numbers').allInnerTexts()).map(amountOf)
  assert.ok(prices.length > 5)
  assert.deepEqual(
    prices,
    prices.toSorted((a, b) => a - b),
  )
  await page.getByRole('link', { name: 'Tidal Vase' }).click()
  await page.getByRole('heading', { level: 1, name: 'Tidal Vase' }).waitFor()
  for (const choice of ['Ember', 'Large']) {
    await page.getByRole('link', { name: choice, exact: true }).click()
    await page.locator('.choice a[aria-current]', { hasText: choice }).waitFor()
  }
  assert.match(new URL(page.url()).searchParams.get('v') ?? '', /^CER-TV01-EMB-/)
}

/** One into the cart, then two of it. */
async function putTwoIntoCart(page: Page, { scripts }: Shopper): Promise<void> {
  const price = await textOf(page.locator('.buy .price'))
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('heading', { level: 1, name: 'Your cart' }).waitFor()
  assert.ok(await page.getByText('Ember').first().isVisible())
  assert.equal(await totalOf(page), price)
  if (scripts) {
    await page.getByRole('button', { name: 'More: Quantity of Tidal Vase' }).click()
  } else {
    await page.getByLabel('Quantity of Tidal Vase').fill('2')
    await page.getByRole('button', { name: 'Update' }).click()
  }
  await page.getByText('(2 items)').waitFor()
  assert.equal(amountOf(await totalOf(page)), amountOf(price) * 2)
  if (scripts) assert.equal(await textOf(page.locator('[data-cart-count]')), '2')
  await page.getByRole('link', { name: 'Check out' }).click()
  await page.getByRole('heading', { level: 1, name: 'Checkout' }).waitFor()
}

/** First with fields left out, then with an address that is none. Each time the field says so and the rest is kept. */
async function sendBadInput(page: Page): Promise<void> {
  await page.getByLabel('City', { exact: true }).first().fill('Berlin')
  await placeButton(page).click()
  await page.locator('#field-email-error').waitFor()
  for (const field of ['email', 'fullName', 'line1', 'postalCode'])
    await expectError(page, field, /Please enter/)
  assert.equal(await page.locator('.error').count(), 4)
  assert.equal(await page.locator('#field-city').inputValue(), 'Berlin')

  await fillDelivery(page, 'ada@nowhere', { ...DELIVERY, 'Street and number': 'Hauptstr. 1 & "2" <3>' })
  await placeButton(page).click()
  await page.locator('#field-line1[value*="Hauptstr"]').waitFor()
  await expectError(page, 'email', /email/)
  assert.equal(await page.locator('.error').count(), 1)
  assert.equal(await page.locator('#field-email').inputValue(), 'ada@nowhere')
  assert.equal(await page.locator('#field-line1').inputValue(), 'Hauptstr. 1 & "2" <3>')
  assert.equal(await page.locator('#field-fullName').inputValue(), 'Ada Byron')
}

async function expectError(page: Page, field: string, text: RegExp): Promise<void> {
  const input = page.locator(`#field-${field}`)
  assert.equal(await input.getAttribute('aria-invalid'), 'true', field)
  assert.equal(await input.getAttribute('aria-describedby'), `field-${field}-error`)
  assert.match(await textOf(page.locator(`#field-${field}-error`)), text)
}

async function readInInbox(page: Page, inboxUrl: string, mail: Mail): Promise<void> {
  await page.goto(inboxUrl)
  await page.getByRole('link', { name: mail.subject }).first().click()
  await page.getByRole('heading', { level: 1, name: mail.subject }).waitFor()
  const message = page.frameLocator('iframe')
  assert.equal(await message.getByRole('link', { name: 'View your order' }).count(), 1)
  await page.getByRole('link', { name: 'Text', exact: true }).click()
  await page.locator('pre', { hasText: trackingLink(mail) }).waitFor()
}

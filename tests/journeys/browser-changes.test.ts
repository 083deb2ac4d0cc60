import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, visit } from '../harness/browser.ts'
import {
  addToCart,
  fillDelivery,
  placeButton,
  placeOrder,
  textOf,
  totalOf,
} from '../harness/checkout-page.ts'
import { mailsTo } from '../harness/inbox.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, pay, payBody, type Shopper } from '../harness/shopper.ts'

/** What happens between the cart and the order, and what a nervous finger does to it. */

let platform: PlatformProcess
let browser: Browser
let staff: Shopper

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
  staff = await newStaff(platform.url, platform.adminLink)
})
after(async () => {
  await browser?.close()
  await platform?.stop()
})

for (const scripts of [true, false])
  suite(`a checkout ${scripts ? 'with' : 'without'} scripts`, () => {
    const tag = scripts ? 'S' : 'N'

    test('a double click places one order, and the way back does not place another', async () => {
      const email = `double-${tag}@example.com`
      await using buying = await visit(browser, { scripts })
      const { page } = buying
      await toCheckout(page, `DOUBLE-${tag}`, 5)
      await fillDelivery(page, email)
      await placeButton(page).dblclick()
      await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()

      await page.goBack()
      await page.waitForLoadState()
      // The browser shows the form again or asks the shop, which knows that the cart is gone.
      if (await placeButton(page).isVisible()) {
        await placeButton(page).click()
        await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
      } else await page.getByRole('heading', { name: 'Your cart is empty' }).waitFor()
      await page.goto(`${platform.url}/checkout`)
      await page.getByRole('heading', { name: 'Your cart is empty' }).waitFor()

      assert.equal((await ordersOf(email)).length, 1)
      assert.equal((await mailsTo(platform.inboxUrl, email)).length, 1)
    })

    test('the same form sent five times at once is one order, and every answer leads to it', async () => {
      const email = `storm-${tag}@example.com`
      await using buying = await visit(browser, { scripts })
      const { page, context } = buying
      await toCheckout(page, `STORM-${tag}`, 9)
      await fillDelivery(page, email)
      const form = await formOf(page)
      const send = () =>
        context.request.post(`${platform.url}/checkout`, {
          form: { ...form, _action: 'place' },
          headers: { origin: platform.url },
          maxRedirects: 0,
        })
      const answers = await Promise.all([send(), send(), send(), send(), send()])
      for (const answer of answers) assert.equal(answer.status(), 303, await answer.text())
      // Some are sent to wait for the first one; all of them end at the same order.
      const ends = new Set<string>()
      for (const answer of [...answers, await send()]) {
        await page.goto(new URL(answer.headers().location ?? '', platform.url).href)
        await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
        ends.add(page.url())
      }
      assert.equal(ends.size, 1, [...ends].join(' '))
      assert.equal((await ordersOf(email)).length, 1)
    })

    test('a price that changed shows both totals and asks again', async () => {
      const sku = `RAISED-${tag}`
      await using buying = await visit(browser, { scripts })
      const { page } = buying
      await toCheckout(page, sku, 5)
      await fillDelivery(page, `raised-${tag}@example.com`)
      const before = await totalOf(page)
      const changed = await staff.send('PUT', `/admin/variants/${sku}/price`, {
        price: { amount: 3100, currency: 'EUR' },
      })
      assert.equal(changed.status, 200)

      await placeButton(page).click()
      const notice = page.getByRole('alert').filter({ hasText: 'The total has changed' })
      await notice.waitFor()
      const now = await totalOf(page)
      assert.notEqual(now, before)
      const told = await textOf(notice)
      assert.ok(told.includes(before) && told.includes(now), told)
      assert.equal(await page.locator('#field-fullName').inputValue(), 'Ada Byron')
      assert.equal((await ordersOf(`raised-${tag}@example.com`)).length, 0)

      const placed = await placeOrder(page)
      assert.equal(placed.total, now)
    })

    test('stock that fell names the piece, in the checkout and in the cart', async () => {
      const sku = `FELL-${tag}`
      await using buying = await visit(browser, { scripts })
      const { page } = buying
      await stockLimitedProduct(staff, sku, 3)
      await addToCart(page, `${platform.url}/p/${sku.toLowerCase()}`)
      if (scripts) {
        await page.getByRole('button', { name: `More: Quantity of Limited ${sku}` }).click()
      } else {
        await page.getByLabel(`Quantity of Limited ${sku}`).fill('2')
        await page.getByRole('button', { name: 'Update' }).click()
      }
      await page.getByText('(2 items)').waitFor()
      await page.getByRole('link', { name: 'Check out' }).click()
      await fillDelivery(page, `fell-${tag}@example.com`)
      await buyByApi(sku, 2)

      await placeButton(page).click()
      await page
        .getByRole('alert')
        .filter({ hasText: `Limited ${sku}: only 1 left` })
        .waitFor()
      await page.getByRole('link', { name: 'Change your cart' }).click()
      await page.getByText('Only 1 left').waitFor()
      assert.equal(await page.getByRole('link', { name: 'Check out' }).count(), 0)

      await buyByApi(sku, 1)
      await page.reload()
      await page.getByText('This has sold out').waitFor()
      await page.getByRole('button', { name: `Remove Limited ${sku}` }).click()
      await page.getByRole('heading', { name: 'Your cart is empty' }).waitFor()
      assert.equal((await ordersOf(`fell-${tag}@example.com`)).length, 0)
    })
  })

async function toCheckout(page: Page, sku: string, quantity: number): Promise<void> {
  await stockLimitedProduct(staff, sku, quantity)
  await addToCart(page, `${platform.url}/p/${sku.toLowerCase()}`)
  await page.getByRole('link', { name: 'Check out' }).click()
  await page.getByRole('heading', { level: 1, name: 'Checkout' }).waitFor()
}

/** What the browser would send. */
async function formOf(page: Page): Promise<Record<string, string>> {
  return page
    .locator('form.checkout')
    .evaluate(form =>
      Object.fromEntries(
        [...new FormData(form as HTMLFormElement)].map(([name, value]) => [name, String(value)]),
      ),
    )
}

async function ordersOf(email: string): Promise<unknown[]> {
  const orders = await staff.get<{ items: { email: string }[] }>('/admin/orders?limit=100')
  assert.equal(orders.status, 200)
  return orders.body.items.filter(order => order.email === email.toLowerCase() || order.email === email)
}

async function buyByApi(sku: string, quantity: number): Promise<void> {
  const other = await newShopper(platform.url)
  const quote = await fillCart(other, sku, quantity)
  const paid = await pay(other, payBody(quote.cartId, quote.body, 'other@example.com'))
  assert.equal(paid.status, 200, JSON.stringify(paid.body))
}

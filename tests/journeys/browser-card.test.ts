import assert from 'node:assert/strict'
import { after, afterEach, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { launchBrowser, type Screen, visit } from '../harness/browser.ts'
import {
  addToCart,
  choosePayment,
  fillDelivery,
  placeButton,
  textOf,
  totalOf,
} from '../harness/checkout-page.ts'
import { firstMail } from '../harness/inbox.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { brokenBooks, CARDS, controlStripe, payAndVanish, payByCard } from '../harness/payment-page.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, type Shopper } from '../harness/shopper.ts'
import { type SplitPlatform, startSplitPlatform } from '../harness/split.ts'

const PRODUCT = '/p/tidal-vase'

for (const mode of ['embedded', 'split'] as const)
  suite(`paying by card, services ${mode}`, () => {
    let split: SplitPlatform | undefined
    let platform: PlatformProcess
    let browser: Browser
    let staff: Shopper
    let stripeUrl: string
    let adminUrl: string

    before(async () => {
      browser = await launchBrowser()
      if (mode === 'split') split = await startSplitPlatform(['inventory', 'order', 'payment', 'checkout'])
      platform = split ? split.platform : await startPlatformProcess()
      stripeUrl = split ? split.stripeUrl : platform.stripeUrl
      adminUrl = split ? split.adminUrl : adminUrlOf(platform.dataDir)
      staff = await newStaff(platform.url, platform.adminLink)
    })
    after(async () => {
      await browser?.close()
      await (split ?? platform)?.stop()
    })

    /** At rest nothing is held for nobody, and the ledger says what the provider's books say. */
    afterEach(async () => {
      assert.deepEqual(await brokenBooks(adminUrl, stripeUrl), [])
    })

    /** A cart, the checkout filled, and the provider's page open. */
    async function toPaymentPage(page: Page, email: string, product = PRODUCT): Promise<string> {
      await addToCart(page, platform.url + product)
      await page.goto(`${platform.url}/checkout`)
      await fillDelivery(page, email)
      await choosePayment(page, 'Card')
      const total = await totalOf(page)
      await placeButton(page).click()
      await page.getByRole('heading', { level: 2, name: 'Pay with card' }).waitFor()
      return total
    }

    async function confirmed(page: Page): Promise<string> {
      await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
      const number = (await textOf(page.locator('main .lead'))).match(/Order (\S+)\./)?.[1]
      assert.ok(number)
      return number
    }

    const paymentStatusOf = async (number: string) => {
      const { body } = await staff.get<{ items: { number: string; paymentStatus: string }[] }>(
        '/admin/orders',
      )
      return body.items.find(order => order.number === number)?.paymentStatus
    }

    const shoppers: readonly { scripts: boolean; screen: Screen }[] =
      mode === 'split'
        ? [{ scripts: false, screen: 'phone' }]
        : [
            { scripts: true, screen: 'phone' },
            { scripts: false, screen: 'desktop' },
          ]
    for (const shopper of shoppers)
      test(`from the product to the confirmation, ${shopper.scripts ? 'with' : 'without'} scripts`, async () => {
        const email = `card-${mode}-${shopper.screen}@example.com`
        await using buying = await visit(browser, shopper)
        const { page } = buying
        const total = await toPaymentPage(page, email)
        assert.equal(await textOf(page.locator('.total')), total)
        await payByCard(page, CARDS.visa)
        const number = await confirmed(page)
        assert.equal(await totalOf(page), total)
        const mail = await firstMail(platform.inboxUrl, email)
        assert.ok(mail.subject.includes(number))
        assert.match(mail.text, /by card/)
        assert.equal(await until(() => paymentStatusOf(number), 'paid'), 'paid')
        // The cart is done with.
        await page.goto(`${platform.url}/cart`)
        await page.getByText('Your cart is empty').first().waitFor()
      })

    // What follows differs by nothing but the shopper.
    if (mode === 'split') return

    test('a declined card is told, another one pays', async () => {
      await using buying = await visit(browser)
      const { page } = buying
      await toPaymentPage(page, 'declined@example.com')
      await payByCard(page, CARDS.insufficientFunds)
      await page.getByRole('alert').filter({ hasText: 'insufficient funds' }).waitFor()
      await payByCard(page, CARDS.visa)
      await confirmed(page)
    })

    test('3-D Secure refused, then completed', async () => {
      await using buying = await visit(browser, { scripts: false })
      const { page } = buying
      await toPaymentPage(page, 'secure@example.com')
      await payByCard(page, CARDS.secure)
      await page.getByRole('button', { name: 'Fail authentication' }).click()
      await page.getByRole('alert').waitFor()
      await payByCard(page, CARDS.secure)
      await page.getByRole('button', { name: 'Complete authentication' }).click()
      await confirmed(page)
    })

    test('who leaves the payment page finds his form filled, and may pay another way', async () => {
      await using buying = await visit(browser)
      const { page } = buying
      await toPaymentPage(page, 'leaves@example.com')
      const left = page.url()
      await page.getByRole('link', { name: 'Back to the shop' }).click()
      await page.getByRole('heading', { level: 1, name: 'Checkout' }).waitFor()
      await page.getByRole('alert').filter({ hasText: 'not paid yet' }).waitFor()
      assert.equal(await page.locator('#field-email').inputValue(), 'leaves@example.com')
      assert.equal(await page.locator('#field-line1').inputValue(), 'Hauptstr. 1')
      await choosePayment(page, 'Invoice')
      await placeButton(page).click()
      await confirmed(page)
      // The page that was left takes no money any more.
      await page.goto(left)
      await page.getByText('This payment page has expired').waitFor()
    })

    test('paying again from another tab ends the first page', async () => {
      await using buying = await visit(browser)
      const first = buying.page
      await toPaymentPage(first, 'twice@example.com')
      const second = await buying.context.newPage()
      await second.goto(`${platform.url}/checkout`)
      await fillDelivery(second, 'twice@example.com')
      await choosePayment(second, 'Card')
      await placeButton(second).click()
      await payByCard(second, CARDS.visa)
      await confirmed(second)
      await first.reload()
      await first.getByText('This payment page has expired').waitFor()
    })

    test('what is put into the cart while paying is neither paid for nor lost', async () => {
      await using buying = await visit(browser)
      const { page } = buying
      const total = await toPaymentPage(page, 'changes@example.com')
      const other = await buying.context.newPage()
      await addToCart(other, `${platform.url}/p/halo-vase`)
      await payByCard(page, CARDS.visa)
      await confirmed(page)
      assert.equal(await totalOf(page), total)
      await page.goto(`${platform.url}/cart`)
      await page.getByRole('link', { name: 'Halo Vase' }).first().waitFor()
      assert.equal(await page.getByRole('link', { name: 'Tidal Vase' }).count(), 0)
    })

    test('one payment page in two tabs is paid once', async () => {
      await using buying = await visit(browser)
      const first = buying.page
      await toPaymentPage(first, 'two-tabs@example.com')
      const second = await buying.context.newPage()
      await second.goto(first.url())
      await payByCard(first, CARDS.visa)
      const number = await confirmed(first)
      await payByCard(second, CARDS.visa)
      await second.getByText('Already paid').first().waitFor()
      assert.equal(await until(() => paymentStatusOf(number), 'paid'), 'paid')
    })

    test('what is being paid for is nobody else’s; given up, it is back', async () => {
      await stockLimitedProduct(staff, 'ONLY-ONE', 1)
      await using buying = await visit(browser, { scripts: false })
      const { page } = buying
      await toPaymentPage(page, 'only-one@example.com', '/p/only-one')
      const other = await newShopper(platform.url)
      assert.equal((await fillCart(other, 'ONLY-ONE')).body.code, 'insufficient-stock')
      const checkoutId = await checkoutOf('only-one@example.com')
      await page.goto(`${platform.url}/checkout/${checkoutId}`)
      await page.getByRole('heading', { level: 1, name: 'waiting for your payment' }).waitFor()
      await page.getByRole('button', { name: 'Change something' }).click()
      await choosePayment(page, 'Invoice')
      await placeButton(page).click()
      await confirmed(page)
      assert.equal((await fillCart(other, 'ONLY-ONE')).body.code, 'insufficient-stock')
    })

    test('who never comes back has his order all the same, without a single webhook', async () => {
      await controlStripe(stripeUrl, 'webhooks', { drop: true })
      await using buying = await visit(browser, { scripts: false })
      const { page } = buying
      await toPaymentPage(page, 'never-back@example.com')
      await payAndVanish(page, CARDS.visa)
      await asAdmin(sql => sql.query("update payment.payment set sweep_at = now() where state = 'pending'"))
      const mail = await firstMail(platform.inboxUrl, 'never-back@example.com')
      assert.match(mail.text, /by card/)
      await controlStripe(stripeUrl, 'webhooks', {})
    })

    test('a webhook alone finishes an order too', async () => {
      await using buying = await visit(browser, { scripts: false })
      const { page } = buying
      await toPaymentPage(page, 'webhook@example.com')
      await payAndVanish(page, CARDS.visa)
      assert.match((await firstMail(platform.inboxUrl, 'webhook@example.com')).text, /by card/)
    })

    test('who comes back a day late is told that nothing was ordered, and tries again', async () => {
      await using buying = await visit(browser)
      const { page } = buying
      await toPaymentPage(page, 'late@example.com')
      const checkoutId = await checkoutOf('late@example.com')
      await controlStripe(stripeUrl, 'clock', { advanceSeconds: 32 * 60 })
      await page.reload()
      await page.getByText('This payment page has expired').waitFor()
      await page.goto(`${platform.url}/checkout/${checkoutId}`)
      await page.getByRole('heading', { level: 1, name: 'The order was not placed' }).waitFor()
      await page.getByRole('link', { name: 'Try again' }).click()
      assert.equal(await page.locator('#field-email').inputValue(), 'late@example.com')
    })

    async function checkoutOf(email: string): Promise<string> {
      const [row] = await asAdmin(sql =>
        sql.query<{ checkout_id: string }>(
          'select checkout_id from checkout.checkout where email = $1 order by created_at desc limit 1',
          [email],
        ),
      )
      assert.ok(row)
      return row.checkout_id
    }

    async function asAdmin<Result>(
      work: (sql: ReturnType<typeof openAudit>) => Promise<Result>,
    ): Promise<Result> {
      const audit = openAudit(adminUrl)
      try {
        return await work(audit)
      } finally {
        await audit.close()
      }
    }
  })

/** The last answer, once it is the wanted one or 10 s have passed. */
async function until(answer: () => Promise<string | undefined>, wanted: string): Promise<string | undefined> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const got = await answer()
    if (got === wanted || Date.now() > deadline) return got
    await sleep(100)
  }
}

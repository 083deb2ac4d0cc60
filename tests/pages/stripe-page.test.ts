import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type StripeSandbox, startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import Stripe from 'stripe'
import { launchBrowser, type Screen, visit } from '../harness/browser.ts'

const SECRET_KEY = 'sk_test_page'
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice']

let browser: Browser
let sandbox: StripeSandbox
let stripe: Stripe
let dir: string
let shop: Server
let shopUrl: string
let axe: string

before(async () => {
  browser = await launchBrowser()
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  dir = await mkdtemp(join(tmpdir(), 'stripe-page-'))
  sandbox = await startStripeSandbox({ port: 0, dir, secretKey: SECRET_KEY })
  stripe = new Stripe(SECRET_KEY, { host: '127.0.0.1', port: sandbox.port, protocol: 'http' })
  // Another origin than the sandbox's, as a shop is: a browser asks its policy before it goes there.
  shop = createServer((request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end(`<title>Shop</title><h1>${request.url?.split('?')[0]}</h1>`)
  }).listen(0, '127.0.0.1')
  await once(shop, 'listening')
  shopUrl = `http://localhost:${(shop.address() as AddressInfo).port}`
})
after(async () => {
  await browser?.close()
  await sandbox?.stop()
  shop?.close()
  if (dir) await rm(dir, { recursive: true, force: true })
})

for (const screen of ['phone', 'desktop'] as const)
  suite(`the Stripe sandbox's payment page on a ${screen}, without scripts`, () => {
    test('declines, lets the customer try again, and returns to the shop', async () => {
      await using visitor = await visit(browser, { screen, scripts: false })
      const { page } = visitor
      const session = await openSession()
      await page.goto(String(session.url))
      await pay(page, '4000 0000 0000 0002')
      assert.equal(await page.getByRole('alert').textContent(), 'Your card was declined.')
      await pay(page, '4000 0000 0000 3220')
      await page.getByRole('button', { name: 'Fail authentication' }).click()
      assert.match(String(await page.getByRole('alert').textContent()), /unable to authenticate/)
      await pay(page, '4242 4242 4242 4242')
      assert.equal(page.url(), `${shopUrl}/return?session=${session.id}`)
      await page.goto(`${sandbox.url}/c/pay/${session.id}`)
      assert.equal(await page.locator('h1').textContent(), 'Already paid')
    })

    for (const scheme of ['light', 'dark'] as const)
      test(`has no axe violations and does not scroll sideways, ${scheme}`, () => audit(screen, scheme))
  })

suite("the Stripe sandbox's payment page", () => {
  test('pays the total of the shipping that was chosen', async () => {
    await using visitor = await visit(browser, { screen: 'phone', scripts: false })
    const { page } = visitor
    const session = await openSession()
    await page.goto(String(session.url))
    await page.getByLabel('Express').check()
    await page.getByRole('button', { name: 'Update total' }).click()
    await page.getByRole('button', { name: 'Pay €37.90' }).waitFor()
    await pay(page, '4242 4242 4242 4242')
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).amount_total, 3790)
  })

  test('leads back to the cart', async () => {
    await using visitor = await visit(browser, { screen: 'phone', scripts: false })
    await visitor.page.goto(String((await openSession()).url))
    await visitor.page.getByRole('link', { name: 'Back to the shop' }).click()
    assert.equal(visitor.page.url(), `${shopUrl}/cart`)
  })
})

async function audit(screen: Screen, scheme: 'light' | 'dark'): Promise<void> {
  await using visitor = await visit(browser, { screen, scheme })
  const { page } = visitor
  const session = await openSession()
  const expired = await openSession()
  await stripe.checkout.sessions.expire(expired.id)
  await stripe.paymentIntents.create({ amount: 900, currency: 'eur', metadata: { checkoutId: 'chk_1' } })
  for (const path of [`/c/pay/${session.id}`, `/c/pay/${expired.id}`, '/']) {
    await page.goto(sandbox.url + path)
    // Opened, so that its table is judged too.
    for (const more of await page.locator('summary').all()) await more.click()
    await page.evaluate(axe)
    const found = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(TAGS)} })`)) as AxeResults
    assert.deepEqual(
      found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      [],
      path,
    )
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), path)
  }
}

async function pay(page: Page, number: string): Promise<void> {
  await page.getByLabel('Email').fill('ada@example.com')
  await page.getByLabel('Card number').fill(number)
  await page.getByLabel('Expires').fill('12/34')
  await page.getByLabel('CVC').fill('123')
  await page.getByLabel('Name on card').fill('Ada Lovelace')
  await page.getByRole('button', { name: /^Pay/ }).click()
}

function openSession(): Promise<Stripe.Checkout.Session> {
  const rate = (display_name: string, amount: number) => ({
    shipping_rate_data: {
      type: 'fixed_amount' as const,
      display_name,
      fixed_amount: { amount, currency: 'eur' },
    },
  })
  const price_data = { currency: 'eur', unit_amount: 1250, product_data: { name: 'Walnut bowl' } }
  return stripe.checkout.sessions.create({
    mode: 'payment',
    success_url: `${shopUrl}/return?session={CHECKOUT_SESSION_ID}`,
    cancel_url: `${shopUrl}/cart`,
    line_items: [{ quantity: 2, price_data }],
    shipping_options: [rate('Standard', 490), rate('Express', 1290)],
  })
}

import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'

/** How a shopper may pay, as the checkout names it. */
export type PaymentChoice = 'Card' | 'Invoice' | 'Cash on delivery'

/** What a shopper types into the checkout; labels as they stand on the page. */
export const DELIVERY = {
  'Full name': 'Ada Byron',
  'Street and number': 'Hauptstr. 1',
  'Postal code': '10115',
  City: 'Berlin',
} as const

export async function fillDelivery(
  page: Page,
  email: string,
  address: Readonly<Record<string, string>> = DELIVERY,
): Promise<void> {
  await page.getByLabel('Email').fill(email)
  // The billing address has the same labels further down, hidden while it is not asked for.
  for (const [label, value] of Object.entries(address)) await page.getByLabel(label).first().fill(value)
  await choosePayment(page, 'Invoice')
}

export async function choosePayment(page: Page, choice: PaymentChoice): Promise<void> {
  await page
    .locator('#payment-options')
    .getByRole('radio', { name: new RegExp(`^${choice}`) })
    .check()
}

export function placeButton(page: Page) {
  return page.getByRole('button', { name: /^Buy now/ })
}

/** Presses the button and arrives at the confirmation. */
export async function placeOrder(page: Page): Promise<{ number: string; total: string }> {
  await placeButton(page).click()
  await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
  const lead = await textOf(page.locator('main .lead'))
  const number = lead.match(/Order (\S+)\./)?.[1]
  assert.ok(number, `no order number in "${lead}"`)
  return { number, total: await totalOf(page) }
}

/** The bold last sum of a summary, as shown. */
export async function totalOf(page: Page): Promise<string> {
  return textOf(page.locator('.sum-total dd'))
}

/** Of the first match, without the white space around it. */
export async function textOf(locator: Locator): Promise<string> {
  return ((await locator.first().textContent()) ?? '').trim()
}

/** Opens a product by address and puts one of it into the cart, with whatever the page offers. */
export async function addToCart(page: Page, productUrl: string): Promise<void> {
  await page.goto(productUrl)
  await page.getByRole('button', { name: 'Add to cart' }).click()
  await page.getByRole('heading', { level: 1, name: 'Your cart' }).waitFor()
}

/** "€1,234.50" → 1234.5, for comparisons; what is shown is compared as text. */
export function amountOf(price: string): number {
  const digits = price.replace(/[^\d.]/g, '')
  assert.match(digits, /^\d+(\.\d+)?$/, `not a price: "${price}"`)
  return Number(digits)
}

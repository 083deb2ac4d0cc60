import type { Page } from 'playwright-core'
import { brokenInvariants, openAudit, untilAtRest } from './audit.ts'

/** Stripe's test cards: https://docs.stripe.com/testing */
export const CARDS = {
  visa: '4242 4242 4242 4242',
  declined: '4000 0000 0000 0002',
  insufficientFunds: '4000 0000 0000 9995',
  secure: '4000 0000 0000 3220',
} as const

/** Fills the provider's page, where the checkout has led, and presses its button. */
export async function payByCard(page: Page, card: string): Promise<void> {
  await page.getByRole('heading', { level: 2, name: 'Pay with card' }).waitFor()
  await page.getByLabel('Card number').fill(card)
  await page.getByLabel('Expires').fill('12 / 40')
  await page.getByLabel('CVC').fill('123')
  await page.getByLabel('Name on card').fill('Ada Byron')
  await page.getByRole('button', { name: /^Pay / }).click()
}

/** Pays, and is never led back to the shop: the browser dies in that moment. */
export async function payAndVanish(page: Page, card: string): Promise<void> {
  if (!(await payWithoutBrowser(page.url(), card))) throw new Error('the payment page did not take the card')
  await page.close()
}

/** Sends the payment page's form as a browser does; whether it was taken. A page that was paid before stays paid. */
export async function payWithoutBrowser(pageUrl: string, card: string): Promise<boolean> {
  const form = { card_number: card, expiry: '12/40', cvc: '123', name: 'Ada Byron' }
  const answer = await fetch(pageUrl, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
  return answer.status === 303
}

/** What tests ask the payment sandbox to do: calls of its `/_sandbox` controls. */
export async function controlStripe(stripeUrl: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${stripeUrl}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the sandbox refused ${path}: ${await answer.text()}`)
}

interface Book {
  readonly metadata: { readonly checkoutId?: string }
  readonly captured: number
  readonly refunded: number
  readonly disputed: number
  readonly capturable: number
}

async function booksOf(stripeUrl: string): Promise<Book[]> {
  const answer = await fetch(`${stripeUrl}/_sandbox/books?limit=10000`)
  return ((await answer.json()) as { intents: Book[] }).intents
}

/** What the provider has of a checkout. */
export async function bookOf(stripeUrl: string, checkoutId: string): Promise<Book> {
  const book = (await booksOf(stripeUrl)).find(({ metadata }) => metadata.checkoutId === checkoutId)
  if (!book) throw new Error(`the payment sandbox knows nothing of ${checkoutId}`)
  return book
}

/**
 * I2, at rest: for each payment the ledger holds what the provider's books hold, and nothing there is unknown here.
 * Answers the differences and whatever other invariant is broken.
 */
export async function brokenBooks(adminUrl: string, stripeUrl: string): Promise<string[]> {
  const audit = openAudit(adminUrl)
  try {
    await untilAtRest(audit)
    const ours = await audit.query<{ checkout_id: string; held: number }>(
      `select checkout_id, coalesce(sum(entry.amount) filter (where account = 'provider'), 0)::bigint as held
       from payment.payment left join payment.transfer using (payment_id) left join payment.ledger_entry entry using (transfer_id)
       where provider = 'stripe' group by checkout_id`,
      [],
    )
    const held = new Map(ours.map(row => [row.checkout_id, Number(row.held)]))
    const intents = await booksOf(stripeUrl)
    // By checkout: beside its intent may be one whose answer was lost, and on which no card was ever put.
    const books = Map.groupBy(intents, ({ metadata }) => metadata.checkoutId ?? '')
    const differences = [...books].flatMap(([checkoutId, of]) => {
      const theirs = of.reduce(
        (sum, { captured, refunded, disputed }) => sum + captured - refunded - disputed,
        0,
      )
      const here = held.get(checkoutId)
      if (here !== theirs) return [`I2 ${checkoutId}: ledger ${here}, provider ${theirs}`]
      if (of.filter(({ captured }) => captured > 0).length > 1) return [`I5 ${checkoutId}: captured twice`]
      const left = of.reduce((sum, { capturable }) => sum + capturable, 0)
      return left > 0 ? [`I4 ${checkoutId}: ${left} still authorized at the provider`] : []
    })
    return [...differences, ...(await brokenInvariants(audit))]
  } finally {
    await audit.close()
  }
}

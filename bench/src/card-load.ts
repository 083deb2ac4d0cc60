import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpConnection } from './http-connection.ts'
import { type AnsweredCheckout, type Ask, parse, Refused } from './shop-requests.ts'

/** A webhook may have been faster, and then somebody else is placing the order: it is asked for again. */
const ASK_AGAIN_MS = 25
const ORDER_TIMEOUT_MS = 30_000

const FORM = new URLSearchParams({
  card_number: '4242424242424242',
  expiry: '12/40',
  cvc: '123',
  name: 'Ada Byron',
}).toString()

/** What the shopper does on the provider's page. */
export async function payOnPage(
  pages: HttpConnection,
  { paymentPage, state }: AnsweredCheckout,
  tookMs: number[],
): Promise<void> {
  if (!paymentPage) throw new Refused(`pay without a page: ${state}`)
  const sentAt = performance.now()
  const type = 'content-type: application/x-www-form-urlencoded\r\n'
  const { status } = await pages.send('POST', new URL(paymentPage.url).pathname, type, FORM)
  tookMs.push(performance.now() - sentAt)
  if (status !== 303) throw new Refused(`page ${status}: the card was not taken`)
}

/** Led back to the shop: looks until the order is there. */
export async function comeBack(
  ask: Ask,
  checkoutId: string,
  bearer: string,
): Promise<{ readonly orderId: string } | undefined> {
  const deadline = performance.now() + ORDER_TIMEOUT_MS
  for (;;) {
    const path = `/checkouts/${checkoutId}/resume`
    const { orders } = parse<AnsweredCheckout>(await ask('resume', 'POST', path, bearer, {}))
    if (orders[0] || performance.now() > deadline) return orders[0]
    await sleep(ASK_AGAIN_MS)
  }
}

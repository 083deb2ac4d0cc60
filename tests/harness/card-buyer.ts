import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CARDS, payWithoutBrowser } from './payment-page.ts'
import {
  type Answer,
  type CheckoutBody,
  fillCart,
  newShopper,
  pay,
  payBody,
  type Shopper,
} from './shopper.ts'

/** Longer than a lease of a process that was killed, and than the waits between tries after an outage of seconds. */
const SETTLE_TIMEOUT_MS = 60_000

/** Somebody who buys one item and knows nothing but the API: his key, and what he was answered last. */
export interface CardBuyer {
  readonly shopper: Shopper
  readonly key: string
  pay(): Promise<Answer<CheckoutBody>>
  resume(): Promise<Answer<CheckoutBody>>
  leave(): Promise<Answer<CheckoutBody>>
  /** Presses the button once more and goes wherever that leads, until the order is there. */
  untilOrdered(): Promise<string>
  /** Asks how it stands until it has come to nothing. */
  untilFailed(): Promise<void>
}

export async function newCardBuyer(
  url: string,
  sku: string,
  method: 'card' | 'invoice' = 'card',
): Promise<CardBuyer> {
  const shopper = await newShopper(url)
  const quote = await fillCart(shopper, sku)
  if (quote.status !== 200) throw new Error(`no quote: ${JSON.stringify(quote.body)}`)
  const body = payBody(quote.cartId, quote.body, `${randomUUID()}@example.com`, method)
  const key = randomUUID()
  let checkoutId = ''
  const noted = (answer: Answer<CheckoutBody>) => {
    checkoutId = answer.body.checkoutId ?? checkoutId
    return answer
  }
  const buyer: CardBuyer = {
    shopper,
    key,
    pay: async () => noted(await pay(shopper, body, key)),
    resume: async () => noted(await shopper.send('POST', `/checkouts/${checkoutId}/resume`, {})),
    leave: async () => noted(await shopper.send('POST', `/checkouts/${checkoutId}/leave`, {})),
    untilOrdered: () =>
      settled(async () => {
        const { body: checkout, status } = await buyer.pay()
        if (status >= 400 && status < 500) throw new Error(`refused: ${status} ${JSON.stringify(checkout)}`)
        if (!checkout.paymentPage) return checkout.orders?.[0]?.orderId
        await payWithoutBrowser(checkout.paymentPage.url, CARDS.visa).catch(ignoreNoAnswer)
        return (await buyer.resume()).body.orders?.[0]?.orderId
      }),
    untilFailed: async () => {
      await settled(async () => {
        const { body: checkout } = await shopper.get<CheckoutBody>(`/checkouts/${checkoutId}`)
        return checkout.state === 'failed'
      })
    },
  }
  return buyer
}

/** On the provider's page; answers where that is. */
export async function openPageOf(buyer: CardBuyer): Promise<{ checkoutId: string; pageUrl: string }> {
  const { body } = await buyer.pay()
  if (!body.paymentPage) throw new Error(`no page to pay on: ${JSON.stringify(body)}`)
  return { checkoutId: body.checkoutId, pageUrl: body.paymentPage.url }
}

async function settled<Result>(look: () => Promise<Result | undefined | false>): Promise<Result> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const result = await look()
    if (result) return result
    if (Date.now() > deadline) throw new Error(`not settled within ${SETTLE_TIMEOUT_MS} ms`)
    await sleep(250)
  }
}

function ignoreNoAnswer(error: unknown): void {
  // fetch rejects with TypeError when nobody is there.
  if (!(error instanceof TypeError)) throw error
}

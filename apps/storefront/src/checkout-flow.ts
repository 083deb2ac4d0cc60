import {
  type CheckoutValues,
  explainRefusal,
  formErrors,
  formValues,
  missingFields,
  payInput,
  readCheckoutForm,
} from './checkout-form.ts'
import { type Market, marketHref } from './markets.ts'
import { attempt, type Cart, type Quote, type Refusal, type StoreApi, type StoreMarket } from './store-api.ts'

export interface CheckoutView {
  readonly values: CheckoutValues
  readonly errors: Record<string, string>
  readonly quote: Quote
  readonly countries: StoreMarket['countries']
  /** A fresh key for a fresh try; kept when the outcome of the last one is unknown. */
  readonly idempotencyKey: string
  readonly notice?: string
  /** `warn`: nothing went wrong. */
  readonly noticeTone?: 'bad' | 'warn'
  /** The total that was shown before, when it has changed. */
  readonly formerTotal?: Quote['totals']['total']
}

export type CheckoutOutcome =
  | { readonly kind: 'form'; readonly view: CheckoutView; readonly status: number }
  | { readonly kind: 'redirect'; readonly to: string }
  /** The cart must be put right first. */
  | { readonly kind: 'blocked'; readonly title: string; readonly items: string[] }

/**
 * The whole of /checkout: show the form, recompute it, or place the order. `left` is a checkout whose payment page the
 * shopper has left: the form is filled as he had sent it.
 */
export async function runCheckout(
  api: StoreApi,
  market: Market,
  form?: FormData,
  left?: string | null,
): Promise<CheckoutOutcome> {
  const former = left && !form ? await valuesOf(api, left) : undefined
  const values = form ? readCheckoutForm(form) : (former ?? {})
  const [cart, markets] = await Promise.all([
    api.cart.getCart({ marketId: market.id }),
    api.pricing.listMarkets(),
  ])
  if (!cart.cartId || cart.lines.length === 0) return afterCart(api, market, values)
  const own = markets.items.find(candidate => candidate.marketId === market.id)
  const countries = own?.countries ?? []
  const country = countries.find(({ code }) => code === values.country)?.code ?? own?.defaultCountry ?? 'DE'
  const cartId = cart.cartId

  const placing = values._action === 'place' ? await place(api, market, values, cartId) : undefined
  if (placing?.redirect) return { kind: 'redirect', to: placing.redirect }

  const quoted = await attempt(
    api.checkout.quoteCheckout({
      cartId,
      country,
      ...(values.shippingRateId && { shippingRateId: values.shippingRateId }),
    }),
  )
  // A rate of another country is no mistake of the shopper's: start again from the cheapest.
  const retried =
    quoted.refusal?.code === 'invalid-input' && values.shippingRateId
      ? await attempt(api.checkout.quoteCheckout({ cartId, country }))
      : quoted
  if (retried.refusal) return blockedBy(retried.refusal, cart)

  const quote = retried.value
  const isUnknown = placing?.isUnknown === true
  return {
    kind: 'form',
    status: placing ? (isUnknown ? 503 : 409) : 200,
    view: {
      values: { ...values, country, shippingRateId: quote.shippingRateId },
      errors: placing?.errors ?? {},
      quote,
      countries,
      idempotencyKey: (isUnknown && values.idempotencyKey) || crypto.randomUUID(),
      ...(former ? ({ notice: NOT_PAID, noticeTone: 'warn' } as const) : noticeFor(placing, values, quote)),
    },
  }
}

const NOT_PAID = 'You have not paid yet, and nothing was ordered. Everything you had entered is still here.'

/** What a checkout was asked for, as values of the form; undefined when it is not there, or not this shopper's. */
async function valuesOf(api: StoreApi, checkoutId: string): Promise<CheckoutValues | undefined> {
  type Input = Parameters<StoreApi['checkout']['getCheckout']>[0]
  const { value } = await attempt(api.checkout.getCheckout({ checkoutId } as Input))
  return value && formValues(value.request)
}

interface Placing {
  readonly redirect?: string
  readonly errors?: Record<string, string>
  readonly notice?: string
  readonly isTotalChanged?: boolean
  readonly isUnknown?: boolean
}

async function place(
  api: StoreApi,
  market: Market,
  values: CheckoutValues,
  cartId: string,
): Promise<Placing> {
  const missing = missingFields(values)
  if (Object.keys(missing).length > 0)
    return { errors: missing, notice: 'Some fields are still empty. Nothing was ordered yet.' }
  const idempotencyKey = values.idempotencyKey || crypto.randomUUID()
  let answer: Awaited<ReturnType<typeof payOnce>>
  try {
    answer = await payOnce(api, values, cartId, idempotencyKey)
  } catch {
    // A fault or a timeout is unknown, never failed: the same key finds out.
    return {
      isUnknown: true,
      notice: 'We could not confirm your order just now. Press the button again: you will not order twice.',
    }
  }
  const { value: checkout, refusal } = answer
  if (refusal?.code === 'total-changed') return { isTotalChanged: true }
  if (refusal) return { errors: formErrors(refusal), notice: explainRefusal(refusal) }
  const [order] = checkout.orders
  if (order)
    return {
      redirect: `${marketHref(market, `/orders/${order.orderId}`)}?token=${encodeURIComponent(order.trackingToken)}&placed=1`,
    }
  if (checkout.failure) return { notice: `${checkout.failure.detail} Nothing was ordered.` }
  if (checkout.paymentPage) return { redirect: checkout.paymentPage.url }
  return { redirect: marketHref(market, `/checkout/${checkout.checkoutId}`) }
}

function payOnce(api: StoreApi, values: CheckoutValues, cartId: string, idempotencyKey: string) {
  return attempt(api.checkout.pay(payInput(values, cartId), { context: { idempotencyKey } }))
}

/**
 * No cart left: either the browser sends an order again that went through (the same key answers for it),
 * or there is just nothing to buy.
 */
async function afterCart(api: StoreApi, market: Market, values: CheckoutValues): Promise<CheckoutOutcome> {
  const cartId = values.cartId
  if (values._action === 'place' && cartId) {
    const { redirect } = await place(api, market, values, cartId)
    if (redirect) return { kind: 'redirect', to: redirect }
  }
  return { kind: 'redirect', to: marketHref(market, '/cart') }
}

function noticeFor(
  placing: Placing | undefined,
  values: CheckoutValues,
  quote: Quote,
): Pick<CheckoutView, 'notice' | 'formerTotal'> {
  if (placing?.notice) return { notice: placing.notice }
  const former = Number(values.shownTotal)
  const isShown = Number.isSafeInteger(former) && former > 0
  if (!placing?.isTotalChanged) return {}
  if (!isShown || former === quote.totals.total.amount)
    return { notice: 'Prices or stock have changed. Please check the summary and place the order again.' }
  return { formerTotal: { amount: former, currency: quote.totals.total.currency } }
}

function blockedBy(refusal: Refusal, cart: Cart): CheckoutOutcome {
  const titleOf = (sku: string) => cart.lines.find(line => line.sku === sku)?.title ?? sku
  switch (refusal.code) {
    case 'insufficient-stock': {
      const { missing } = refusal.data as { missing: { sku: string; available: number }[] }
      const items = missing.map(({ sku, available }) =>
        available > 0 ? `${titleOf(sku)}: only ${available} left` : `${titleOf(sku)}: sold out`,
      )
      return { kind: 'blocked', title: 'There is not enough of everything in your cart', items }
    }
    case 'no-longer-sold': {
      const { skus } = refusal.data as { skus: string[] }
      return {
        kind: 'blocked',
        title: 'Some things in your cart are no longer sold',
        items: skus.map(titleOf),
      }
    }
    default:
      return { kind: 'blocked', title: refusal.message, items: [] }
  }
}

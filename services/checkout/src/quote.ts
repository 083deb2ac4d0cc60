import { cartContract } from '@storewright/cart/contract'
import { inventoryContract } from '@storewright/inventory/contract'
import type { Id } from '@storewright/kernel/ids'
import type { Money } from '@storewright/kernel/money'
import { orderContract } from '@storewright/order/contract'
import { paymentContract } from '@storewright/payment/contract'
import { hashBody } from '@storewright/postgres/idempotency'
import { pricingContract } from '@storewright/pricing/contract'
import { productContract } from '@storewright/product/contract'
import type { CallContext } from '@storewright/rpc/context'
import { forward } from '@storewright/rpc/context'
import type { ClientsOf } from '@storewright/rpc/service'
import { agreementOf, type Quote } from './domain.ts'
import type { PlannedLine } from './store.ts'

export const needs = {
  cart: cartContract,
  product: productContract,
  pricing: pricingContract,
  inventory: inventoryContract,
  payment: paymentContract,
  order: orderContract,
}

export type Needs = ClientsOf<typeof needs>

/** How long the page may say "this is the total"; paying computes it again in any case. */
const QUOTE_SECONDS = 15 * 60

export type QuoteRefusal =
  | { readonly code: 'cart-empty' | 'cart-completed' }
  | { readonly code: 'no-longer-sold'; readonly skus: string[] }
  | {
      readonly code: 'insufficient-stock'
      readonly missing: { sku: string; requested: number; available: number }[]
    }

export interface MadeQuote {
  readonly quote: Quote
  /** Kept beside the quote for the order, not shown to the shopper. */
  readonly vendorIds: Record<string, Id<'vendor'>>
  readonly shippingTax: Money
  readonly plan: readonly PlannedLine[]
}

/** Reads cart, prices, stock and rates as they are now. Holds nothing. */
export async function makeQuote(
  needs: Needs,
  context: CallContext,
  request: { cartId: Id<'cart'>; country: string; shippingRateId?: string | undefined },
  nowMs: number,
): Promise<MadeQuote | QuoteRefusal> {
  const onward = forward(context, 'checkout')
  const cart = await needs.cart.readCart({ cartId: request.cartId }, onward)
  if (cart.state === 'completed') return { code: 'cart-completed' }
  if (cart.lines.length === 0) return { code: 'cart-empty' }

  const [{ items: variants }, { plan, missing }, { items: paymentMethods }] = await Promise.all([
    needs.product.getVariants({ skus: cart.lines.map(line => line.sku), currency: cart.currency }, onward),
    needs.inventory.planStock({ lines: cart.lines }, onward),
    needs.payment.listPaymentMethods({ currency: cart.currency, country: request.country }, onward),
  ])
  const bySku = new Map(variants.map(variant => [variant.sku, variant]))
  const gone = cart.lines.filter(line => !bySku.has(line.sku)).map(line => line.sku)
  if (gone.length > 0) return { code: 'no-longer-sold', skus: gone }
  if (missing.length > 0) return { code: 'insufficient-stock', missing }

  const sold = cart.lines.flatMap(line => {
    const variant = bySku.get(line.sku)
    return variant ? [{ ...line, variant }] : []
  })
  const priced = await needs.pricing.calculateQuote(
    {
      marketId: cart.marketId,
      country: request.country,
      ...(request.shippingRateId ? { shippingRateId: request.shippingRateId } : {}),
      lines: sold.map(({ sku, quantity, variant }) => ({
        sku,
        quantity,
        unitPrice: variant.price,
        taxClass: variant.taxClass,
        weightGrams: variant.weightGrams,
      })),
    },
    onward,
  )
  const unhashed = {
    expiresAt: new Date(nowMs + QUOTE_SECONDS * 1000).toISOString(),
    cartId: cart.cartId,
    cartVersion: cart.version,
    marketId: cart.marketId,
    currency: cart.currency,
    country: request.country,
    lines: priced.lines.map((line, index) => {
      const { slug, title, variantTitle, image } = sold[index]?.variant ?? missingVariant(line.sku)
      return { ...line, slug, title, variantTitle, image }
    }),
    shippingOptions: priced.shippingOptions,
    shippingRateId: priced.shippingRateId,
    paymentMethods,
    taxLines: priced.taxLines,
    totals: priced.totals,
  }
  return {
    quote: { ...unhashed, hash: hashBody(agreementOf(unhashed)) },
    vendorIds: Object.fromEntries(variants.map(variant => [variant.sku, variant.vendorId])),
    shippingTax: priced.shippingTax,
    plan,
  }
}

function missingVariant(sku: string): never {
  throw new Error(`pricing answered a line that was not asked for: ${sku}`)
}

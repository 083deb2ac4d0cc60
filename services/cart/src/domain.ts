import type { Id } from '@storewright/kernel/ids'
import { type Currency, type Money, money, sum, times, zero } from '@storewright/kernel/money'

/** A line as it is kept. */
export interface StoredLine {
  readonly sku: string
  readonly quantity: number
  readonly priceWhenAddedAmount: number
  readonly slug: string
  readonly title: string
  readonly variantTitle: string
}

export interface StoredCart {
  readonly cartId: Id<'cart'>
  readonly version: number
  readonly expiresAt: Date
  readonly lines: readonly StoredLine[]
}

interface Image {
  readonly avif: string
  readonly jpg: string
  readonly width: number
  readonly height: number
  readonly alt: string
}

/** A variant as product tells it now. */
export interface Variant {
  readonly sku: string
  readonly slug: string
  readonly title: string
  readonly variantTitle: string
  readonly price: Money
  readonly image: Image | null
}

export interface StockJudgement {
  readonly available: number
  readonly availability: 'in-stock' | 'low-stock' | 'sold-out'
}

export interface Now {
  readonly variants: ReadonlyMap<string, Variant>
  /** Undefined when inventory could not be asked. */
  readonly stock: ReadonlyMap<string, StockJudgement> | undefined
}

export type Notice = 'price-rose' | 'price-fell' | 'not-enough-stock' | 'sold-out' | 'no-longer-sold'

/** These keep a cart from being paid; a changed price is only told. */
const BLOCKING: ReadonlySet<Notice> = new Set(['not-enough-stock', 'sold-out', 'no-longer-sold'])

export interface Market {
  readonly marketId: string
  readonly currency: Currency
}

/** The cart as it is shown: everything but SKU and quantity is judged anew at each view. */
export function viewCart(market: Market, cart: StoredCart | undefined, now: Now) {
  const lines = (cart?.lines ?? []).map(line => viewLine(line, market.currency, now))
  const blocked = lines.some(line => line.notices.some(notice => BLOCKING.has(notice)))
  return {
    cartId: cart?.cartId ?? null,
    version: cart?.version ?? 0,
    marketId: market.marketId,
    currency: market.currency,
    lines,
    itemCount: lines.reduce((count, line) => count + line.quantity, 0),
    subtotal: sum(
      lines.map(line => line.total),
      market.currency,
    ),
    isPayable: lines.length > 0 && !blocked && now.stock !== undefined,
    expiresAt: cart?.expiresAt.toISOString() ?? null,
  }
}

export type CartView = ReturnType<typeof viewCart>

function viewLine(line: StoredLine, currency: Currency, now: Now) {
  const { sku, quantity } = line
  const priceWhenAdded = money(line.priceWhenAddedAmount, currency)
  const variant = now.variants.get(sku)
  if (!variant)
    return {
      sku,
      slug: line.slug,
      title: line.title,
      variantTitle: line.variantTitle,
      image: null,
      quantity,
      unitPrice: priceWhenAdded,
      // It cannot be bought, so it costs nothing: the subtotal is what the rest costs.
      total: zero(currency),
      availability: 'sold-out' as const,
      availableQuantity: 0,
      notices: ['no-longer-sold'] as Notice[],
      priceWhenAdded,
    }
  const stock = now.stock ? (now.stock.get(sku) ?? NONE) : UNJUDGED
  return {
    sku,
    slug: variant.slug,
    title: variant.title,
    variantTitle: variant.variantTitle,
    image: variant.image,
    quantity,
    unitPrice: variant.price,
    total: times(variant.price, quantity),
    availability: stock.availability,
    availableQuantity: stock.available,
    notices: [
      ...priceNotices(priceWhenAdded, variant.price),
      ...(now.stock ? stockNotices(quantity, stock.available) : []),
    ],
    priceWhenAdded,
  }
}

const NONE: StockJudgement = { available: 0, availability: 'sold-out' }

/** Nothing is promised and nothing is alarmed about: no stock notice, but the cart cannot be paid. */
const UNJUDGED: StockJudgement = { available: 0, availability: 'low-stock' }

function priceNotices(before: Money, now: Money): Notice[] {
  if (now.amount === before.amount) return []
  return [now.amount > before.amount ? 'price-rose' : 'price-fell']
}

function stockNotices(quantity: number, available: number): Notice[] {
  if (available >= quantity) return []
  return [available > 0 ? 'not-enough-stock' : 'sold-out']
}

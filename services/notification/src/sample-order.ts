import { newId } from '@storewright/kernel/ids'
import { money } from '@storewright/kernel/money'
import type { Order } from '@storewright/order/contract'

/** A placed order for tests: two lines, tax included, paid by invoice. */
export function sampleOrder(changes: Partial<Order> = {}): Order {
  const eur = (amount: number) => money(amount, 'EUR')
  const line = (title: string, variantTitle: string, quantity: number, price: number) => ({
    orderLineId: newId('orderLine'),
    sku: title.toUpperCase().replaceAll(' ', '-'),
    slug: title.toLowerCase().replaceAll(' ', '-'),
    title,
    variantTitle,
    image: { avif: '/images/a.avif', jpg: '/images/a.jpg', width: 900, height: 900, alt: title },
    quantity,
    unitPrice: eur(price),
    total: eur(price * quantity),
    tax: eur(Math.round((price * quantity * 19) / 119)),
    taxRateBasisPoints: 1900,
    vendorId: newId('vendor'),
  })
  return {
    orderId: newId('order'),
    number: 'SW-100042',
    checkoutId: newId('checkout'),
    marketId: 'eu',
    status: 'open',
    paymentStatus: 'due',
    fulfillmentStatus: 'unfulfilled',
    currency: 'EUR',
    email: 'ada@example.com',
    lines: [line('Stoneware Mug', 'Oat, 350 ml', 2, 2400), line('Linen Throw', 'Rust', 1, 8900)],
    totals: {
      subtotal: eur(13700),
      shipping: eur(490),
      tax: eur(2266),
      total: eur(14190),
      taxIncluded: true,
    },
    taxLines: [{ name: 'VAT', rateBasisPoints: 1900, amount: eur(2266) }],
    shipping: {
      shippingRateId: 'standard',
      title: 'Standard',
      price: eur(490),
      tax: eur(78),
      minDays: 2,
      maxDays: 4,
    },
    payment: { paymentId: newId('payment'), method: 'invoice', onTerms: true },
    shippingAddress: {
      fullName: 'Ada Lovelace',
      line1: 'Torstraße 1',
      city: 'Berlin',
      postalCode: '10119',
      country: 'DE',
    },
    billingAddress: {
      fullName: 'Ada Lovelace',
      line1: 'Torstraße 1',
      city: 'Berlin',
      postalCode: '10119',
      country: 'DE',
    },
    note: null,
    placedAt: '2026-11-24T09:30:00.000Z',
    timeline: [],
    ...changes,
  }
}

/** The lamp, its buyer and its order, from which the documented examples are put together. */

export const eur = (amount: number) => ({ amount, currency: 'EUR' })
export const id = (prefix: string) => `${prefix}_01kaw3v5e8f6t9r2m4x7c0d1zq`

export const image = {
  avif: '/images/oak-desk-lamp-1.avif',
  jpg: '/images/oak-desk-lamp-1.jpg',
  width: 1200,
  height: 1500,
  alt: 'An oak desk lamp on a white table',
}

export const card = {
  productId: id('prd'),
  slug: 'oak-desk-lamp',
  title: 'Oak desk lamp',
  summary: 'Warm light from a solid oak stem.',
  category: { slug: 'lighting', name: 'Lighting' },
  vendor: 'Northlight',
  images: [image],
  price: eur(8900),
  priceVaries: false,
  colors: ['#c8a165'],
  availability: 'in-stock',
  isNew: true,
}

export const variant = {
  sku: 'LAMP-OAK',
  title: 'Oak',
  options: { Wood: 'Oak' },
  color: '#c8a165',
  price: eur(8900),
  availability: 'in-stock',
  availableQuantity: 12,
  weightGrams: 1400,
  dimensionsMm: { width: 180, depth: 180, height: 420 },
  imageIndex: 0,
}

export const cart = {
  cartId: id('crt'),
  version: 3,
  marketId: 'eu',
  currency: 'EUR',
  lines: [
    {
      sku: 'LAMP-OAK',
      slug: 'oak-desk-lamp',
      title: 'Oak desk lamp',
      variantTitle: 'Oak',
      image,
      quantity: 2,
      unitPrice: eur(8900),
      total: eur(17_800),
      availability: 'in-stock',
      availableQuantity: 12,
      notices: [],
      priceWhenAdded: eur(8900),
    },
  ],
  itemCount: 2,
  subtotal: eur(17_800),
  isPayable: true,
  expiresAt: '2026-12-24T09:00:00.000Z',
}

const totals = {
  subtotal: eur(17_800),
  shipping: eur(490),
  tax: eur(2920),
  total: eur(18_290),
  taxIncluded: true,
}
const taxLines = [{ name: 'VAT', rateBasisPoints: 1900, amount: eur(2920) }]

const orderedLine = {
  sku: 'LAMP-OAK',
  slug: 'oak-desk-lamp',
  title: 'Oak desk lamp',
  variantTitle: 'Oak',
  image,
  quantity: 2,
  unitPrice: eur(8900),
  total: eur(17_800),
  tax: eur(2842),
  taxRateBasisPoints: 1900,
}

const shippingOption = {
  shippingRateId: 'standard',
  title: 'Standard',
  description: 'To your door',
  price: eur(490),
  minDays: 2,
  maxDays: 4,
}

export const invoiceMethod = {
  method: 'invoice',
  title: 'Invoice',
  description: 'Pay within 14 days of delivery.',
}

export const quote = {
  hash: 'q1_4Jx0c7nqvT2b',
  expiresAt: '2026-11-24T09:30:00.000Z',
  cartId: id('crt'),
  cartVersion: 3,
  marketId: 'eu',
  currency: 'EUR',
  country: 'DE',
  lines: [orderedLine],
  shippingOptions: [shippingOption],
  shippingRateId: 'standard',
  paymentMethods: [invoiceMethod],
  taxLines,
  totals,
}

export const address = {
  fullName: 'Ada Example',
  line1: 'Hafenstraße 12',
  city: 'Hamburg',
  postalCode: '20457',
  country: 'DE',
}

const payRequest = {
  email: 'ada@example.com',
  shippingAddress: address,
  shippingRateId: 'standard',
}

export const checkout = {
  checkoutId: id('chk'),
  marketId: 'eu',
  state: 'completed',
  paymentPage: null,
  request: { ...payRequest, paymentMethod: 'invoice' },
  orders: [
    {
      orderId: id('ord'),
      number: '100001',
      total: eur(18_290),
      trackingToken: `${id('ord')}.c2lnbmF0dXJl`,
    },
  ],
  failure: null,
}

export const parkedCheckout = {
  ...checkout,
  state: 'awaiting-payment',
  paymentPage: {
    url: 'https://checkout.stripe.com/c/pay/cs_test_a1b2',
    expiresAt: '2026-11-24T09:31:00.000Z',
  },
  request: { ...payRequest, paymentMethod: 'card' },
  orders: [],
}

export const payment = {
  paymentId: id('pay'),
  checkoutId: id('chk'),
  provider: 'manual',
  method: 'invoice',
  state: 'captured',
  onTerms: true,
  amount: eur(18_290),
  capturedAmount: eur(18_290),
  refundedAmount: eur(0),
  disputedAmount: eur(0),
  card: null,
  captureBefore: null,
  failure: null,
  createdAt: '2026-11-24T09:00:00.000Z',
}

export const refund = {
  refundId: id('rfd'),
  paymentId: id('pay'),
  amount: eur(8900),
  reason: 'one lamp came back',
  state: 'succeeded',
  failure: null,
  createdAt: '2026-11-26T10:00:00.000Z',
}

export const cardPayment = {
  ...payment,
  provider: 'stripe',
  method: 'card',
  onTerms: false,
  card: { brand: 'visa', last4: '4242' },
}

export const shownPayment = {
  ...cardPayment,
  refundedAmount: eur(8900),
  providerReference: 'pi_3QxYzA2eZvKYlo2C1a2b3c4d',
  refunds: [refund],
  disputes: [],
  ledger: [
    { kind: 'capture', account: 'customer', amount: eur(-18_290), at: '2026-11-24T09:02:00.000Z' },
    { kind: 'capture', account: 'provider', amount: eur(18_290), at: '2026-11-24T09:02:00.000Z' },
    { kind: 'refund', account: 'provider', amount: eur(-8900), at: '2026-11-26T10:00:00.000Z' },
    { kind: 'refund', account: 'customer', amount: eur(8900), at: '2026-11-26T10:00:00.000Z' },
  ],
  calls: [{ kind: 'capture', state: 'done', detail: null, at: '2026-11-24T09:02:00.000Z' }],
}

export const orderSummary = {
  orderId: id('ord'),
  number: '100001',
  status: 'open',
  paymentStatus: 'due',
  fulfillmentStatus: 'unfulfilled',
  email: 'ada@example.com',
  placedAt: '2026-11-24T09:00:00.000Z',
  totals,
  payment: { paymentId: id('pay'), method: 'invoice', onTerms: true },
}

export const order = {
  ...orderSummary,
  checkoutId: id('chk'),
  marketId: 'eu',
  currency: 'EUR',
  lines: [{ ...orderedLine, vendorId: id('vnd'), orderLineId: id('oln') }],
  taxLines,
  shipping: {
    shippingRateId: 'standard',
    title: 'Standard',
    price: eur(490),
    tax: eur(78),
    minDays: 2,
    maxDays: 4,
  },
  shippingAddress: address,
  billingAddress: address,
  note: null,
  timeline: [{ type: 'order.placed', title: 'Order placed', at: '2026-11-24T09:00:00.000Z' }],
}

export const canceledOrder = {
  ...order,
  status: 'canceled',
  paymentStatus: 'voided',
  timeline: [
    ...order.timeline,
    { type: 'canceled', title: 'Order canceled', at: '2026-11-25T10:00:00.000Z' },
    { type: 'voided', title: 'Payment canceled', at: '2026-11-25T10:00:01.000Z' },
  ],
}

export const stock = {
  sku: 'LAMP-OAK',
  locationId: id('loc'),
  locationName: 'Hamburg',
  onHand: 20,
  reserved: 2,
  allocated: 6,
  safety: 0,
  backorderLimit: 0,
  shortage: 0,
  available: 12,
}

export const message = {
  messageId: id('msg'),
  kind: 'order-confirmation',
  channel: 'email',
  to: 'ada@example.com',
  subject: 'Your order 100001',
  aboutId: id('ord'),
  state: 'sent',
  attempts: 1,
  lastError: null,
  createdAt: '2026-11-24T09:00:01.000Z',
  sentAt: '2026-11-24T09:00:02.000Z',
}

export const deadLetter = {
  eventId: id('evt'),
  type: 'order.placed',
  aggregateType: 'order',
  aggregateId: id('ord'),
  occurredAt: '2026-11-24T09:00:00.000Z',
  receivedAt: '2026-11-24T09:00:00.100Z',
  attempts: 8,
  error: 'Error: the order has no address',
  waiting: 1,
}

export const importedProduct = {
  slug: 'oak-desk-lamp',
  title: 'Oak desk lamp',
  summary: 'Warm light from a solid oak stem.',
  description: 'Turned from one piece of oak, with a linen shade.',
  category: { slug: 'lighting', name: 'Lighting', description: 'Lamps for every room' },
  vendor: 'Northlight',
  collections: ['new-in'],
  taxClass: 'standard',
  options: [{ name: 'Wood', values: ['Oak'] }],
  attributes: { Material: ['Oak', 'Linen'] },
  images: [image],
  related: [],
  variants: [
    {
      sku: 'LAMP-OAK',
      options: { Wood: 'Oak' },
      color: '#c8a165',
      prices: { EUR: 8900 },
      weightGrams: 1400,
      dimensionsMm: { width: 180, depth: 180, height: 420 },
      imageIndex: 0,
    },
  ],
}

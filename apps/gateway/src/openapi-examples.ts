/** One request and one answer per operation, shown in the OpenAPI document. A test holds them to the contracts. */
export interface Example {
  /** Path, query and body fields together, as in the contract. */
  readonly input: Readonly<Record<string, unknown>>
  readonly output: Readonly<Record<string, unknown>>
}

const eur = (amount: number) => ({ amount, currency: 'EUR' })
const id = (prefix: string) => `${prefix}_01kaw3v5e8f6t9r2m4x7c0d1zq`

const image = {
  avif: '/images/oak-desk-lamp-1.avif',
  jpg: '/images/oak-desk-lamp-1.jpg',
  width: 1200,
  height: 1500,
  alt: 'An oak desk lamp on a white table',
}

const card = {
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

const variant = {
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

const cart = {
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

const invoiceMethod = {
  method: 'invoice',
  title: 'Invoice',
  description: 'Pay within 14 days of delivery.',
}

const quote = {
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

const address = {
  fullName: 'Ada Example',
  line1: 'Hafenstraße 12',
  city: 'Hamburg',
  postalCode: '20457',
  country: 'DE',
}

const checkout = {
  checkoutId: id('chk'),
  state: 'completed',
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

const payment = {
  paymentId: id('pay'),
  checkoutId: id('chk'),
  provider: 'manual',
  method: 'invoice',
  state: 'captured',
  onTerms: true,
  amount: eur(18_290),
  createdAt: '2026-11-24T09:00:00.000Z',
}

const orderSummary = {
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

const order = {
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

const stock = {
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

const message = {
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

const importedProduct = {
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

export const openapiExamples: Readonly<Record<string, Example>> = {
  'auth.createGuest': { input: {}, output: { guestId: id('gst'), token: `${id('gst')}.c2lnbmF0dXJl` } },
  'auth.claimAdminLink': {
    input: { token: 'the token of the printed link' },
    output: { apiKey: 'sk_…', apiKeyId: id('key') },
  },
  'auth.listApiKeys': {
    input: {},
    output: {
      items: [
        {
          apiKeyId: id('key'),
          label: 'Administrator, by one-time link',
          createdAt: '2026-11-24T09:00:00.000Z',
          lastUsedAt: null,
          revokedAt: null,
        },
      ],
    },
  },
  'auth.revokeApiKey': { input: { apiKeyId: id('key') }, output: {} },
  'product.listCategories': {
    input: {},
    output: {
      items: [
        {
          slug: 'lighting',
          name: 'Lighting',
          description: 'Lamps for every room',
          productCount: 18,
          image,
        },
      ],
    },
  },
  'product.listProducts': {
    input: { category: 'lighting', currency: 'EUR', sort: 'newest', limit: 24 },
    output: { items: [card], nextCursor: null, total: 1 },
  },
  'product.searchProducts': {
    input: { q: 'oak lamp', currency: 'EUR' },
    output: { items: [card], nextCursor: null, total: 1, correctedQuery: null },
  },
  'product.getProduct': {
    input: { slug: 'oak-desk-lamp', currency: 'EUR' },
    output: {
      productId: card.productId,
      slug: card.slug,
      title: card.title,
      summary: card.summary,
      description: 'Turned from one piece of oak, with a linen shade.',
      category: card.category,
      vendor: card.vendor,
      images: [image],
      options: [{ name: 'Wood', values: ['Oak'] }],
      attributes: { Material: ['Oak', 'Linen'] },
      variants: [variant],
      related: [],
      stockIsLive: true,
      updatedAt: '2026-11-24T09:00:00.000Z',
    },
  },
  'product.setVariantPrice': {
    input: { sku: 'LAMP-OAK', price: eur(9500) },
    output: { sku: 'LAMP-OAK', price: eur(9500) },
  },
  'product.importProducts': {
    input: { products: [importedProduct] },
    output: { created: 1, updated: 0 },
  },
  'pricing.listMarkets': {
    input: {},
    output: {
      items: [
        {
          marketId: 'eu',
          name: 'European Union',
          currency: 'EUR',
          locale: 'en-IE',
          taxIncluded: true,
          countries: [{ code: 'DE', name: 'Germany' }],
          defaultCountry: 'DE',
        },
      ],
    },
  },
  'pricing.setMarket': {
    input: {
      marketId: 'eu',
      name: 'European Union',
      currency: 'EUR',
      locale: 'en-IE',
      taxIncluded: true,
      defaultCountry: 'DE',
      countries: [
        {
          code: 'DE',
          name: 'Germany',
          taxName: 'VAT',
          standardRateBasisPoints: 1900,
          reducedRateBasisPoints: 700,
        },
      ],
      shippingRates: [
        {
          shippingRateId: 'standard',
          title: 'Standard',
          description: 'To your door',
          amount: 490,
          freeFromAmount: 15_000,
          minDays: 2,
          maxDays: 4,
        },
      ],
    },
    output: { marketId: 'eu' },
  },
  'cart.getCart': { input: { marketId: 'eu' }, output: cart },
  'cart.addCartLine': { input: { marketId: 'eu', sku: 'LAMP-OAK', quantity: 2 }, output: cart },
  'cart.setCartLine': { input: { marketId: 'eu', sku: 'LAMP-OAK', quantity: 2 }, output: cart },
  'checkout.quoteCheckout': { input: { cartId: id('crt'), country: 'DE' }, output: quote },
  'checkout.pay': {
    input: {
      cartId: id('crt'),
      quoteHash: quote.hash,
      email: 'ada@example.com',
      shippingAddress: address,
      shippingRateId: 'standard',
      paymentMethod: 'invoice',
    },
    output: checkout,
  },
  'checkout.getCheckout': { input: { checkoutId: id('chk') }, output: checkout },
  'inventory.listStock': { input: { sku: 'LAMP-OAK' }, output: { items: [stock], nextCursor: null } },
  'inventory.setLocation': {
    input: { code: 'hamburg', name: 'Hamburg', priority: 10 },
    output: { locationId: id('loc'), code: 'hamburg', name: 'Hamburg' },
  },
  'inventory.receiveStock': {
    input: {
      lines: [{ sku: 'LAMP-OAK', location: 'hamburg', quantity: 20 }],
      reference: 'delivery note 4711',
    },
    output: { received: 1 },
  },
  'inventory.adjustStock': {
    input: {
      sku: 'LAMP-OAK',
      location: 'hamburg',
      delta: -1,
      reason: 'damaged in the warehouse',
      reference: 'count 2026-11-24',
    },
    output: { ...stock, onHand: 19, available: 11 },
  },
  'payment.listPaymentMethods': {
    input: { currency: 'EUR', country: 'DE' },
    output: { items: [invoiceMethod] },
  },
  'payment.recordPayment': { input: { paymentId: id('pay'), amount: eur(18_290) }, output: payment },
  'order.getOrder': { input: { orderId: id('ord'), token: `${id('ord')}.c2lnbmF0dXJl` }, output: order },
  'order.listOrders': {
    input: { status: 'open', limit: 24 },
    output: { items: [orderSummary], nextCursor: null },
  },
  'notification.listMessages': {
    input: { state: 'sent' },
    output: { items: [message], nextCursor: null },
  },
  'notification.resendMessage': { input: { messageId: id('msg') }, output: { ...message, state: 'queued' } },
}

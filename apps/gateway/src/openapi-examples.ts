import {
  address,
  canceledOrder,
  card,
  cardPayment,
  cart,
  checkout,
  deadLetter,
  eur,
  id,
  image,
  importedProduct,
  invoiceMethod,
  message,
  order,
  orderSummary,
  parkedCheckout,
  payment,
  quote,
  refund,
  shownPayment,
  stock,
  variant,
} from './example-values.ts'

/** One request and one answer per operation, shown in the OpenAPI document. A test holds them to the contracts. */
export interface Example {
  /** Path, query and body fields together, as in the contract. */
  readonly input: Readonly<Record<string, unknown>>
  readonly output: Readonly<Record<string, unknown>>
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
          taxNames: ['VAT'],
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
      paymentMethod: 'card',
      paymentToken: 'pm_1QxYzA2eZvKYlo2C1a2b3c4d',
    },
    output: { ...checkout, request: { ...checkout.request, paymentMethod: 'card' } },
  },
  'checkout.getCheckout': { input: { checkoutId: id('chk') }, output: checkout },
  'checkout.resumeCheckout': { input: { checkoutId: id('chk') }, output: parkedCheckout },
  'checkout.leaveCheckout': {
    input: { checkoutId: id('chk') },
    output: {
      ...parkedCheckout,
      state: 'failed',
      paymentPage: null,
      failure: { code: 'payment-not-completed', detail: 'The payment was not completed.' },
    },
  },
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
  'payment.capturePayment': { input: { paymentId: id('pay') }, output: cardPayment },
  'payment.refundPayment': {
    input: { paymentId: id('pay'), amount: eur(8900), reason: 'one lamp came back' },
    output: refund,
  },
  'payment.getPayment': { input: { paymentId: id('pay') }, output: shownPayment },
  'order.getOrder': { input: { orderId: id('ord'), token: `${id('ord')}.c2lnbmF0dXJl` }, output: order },
  'order.cancelOrder': {
    input: { orderId: id('ord'), reason: 'the customer called' },
    output: canceledOrder,
  },
  'order.listOrders': {
    input: { status: 'open', limit: 24 },
    output: { items: [orderSummary], nextCursor: null },
  },
  'order.refundOrder': {
    input: {
      orderId: id('ord'),
      lines: [{ orderLineId: id('oln'), quantity: 1 }],
      reason: 'one lamp came back',
    },
    output: {
      orderRefundId: id('orf'),
      orderId: id('ord'),
      amount: eur(8900),
      lines: [{ orderLineId: id('oln'), quantity: 1 }],
      shipping: false,
      reason: 'one lamp came back',
      state: 'done',
      createdAt: '2026-11-26T10:00:00.000Z',
    },
  },
  'notification.listMessages': {
    input: { state: 'sent' },
    output: { items: [message], nextCursor: null },
  },
  'notification.resendMessage': { input: { messageId: id('msg') }, output: { ...message, state: 'queued' } },
  ...deadLetterExamples('product'),
  ...deadLetterExamples('checkout'),
  ...deadLetterExamples('order'),
  ...deadLetterExamples('notification'),
}

/** The same two for every service that hears events. */
function deadLetterExamples(service: string): Record<string, Example> {
  return {
    [`${service}.listDeadLetters`]: { input: {}, output: { items: [deadLetter] } },
    [`${service}.retryDeadLetter`]: {
      input: { eventId: deadLetter.eventId },
      output: { processed: 2, error: null },
    },
  }
}

import type Stripe from 'stripe'

export interface UsageSetting {
  /** Resolves when what follows from a request by itself has happened: disputes, refunds that fail. */
  settled(): Promise<unknown>
}

const SHIPPING = {
  name: 'Ada Lovelace',
  address: { line1: '1 Main Street', city: 'London', postal_code: 'N1 9GU', country: 'GB' },
}

/** Everything a store does with Stripe, and the mistakes it might make, through the official library. */
export async function useStripe(stripe: Stripe, { settled }: UsageSetting): Promise<void> {
  await useSessions(stripe)
  const paid = await usePayments(stripe)
  await useRefunds(stripe, paid, settled)
  await useDisputes(stripe, settled)
  await useTheRest(stripe)
  await makeMistakes(stripe)
}

async function useSessions(stripe: Stripe): Promise<void> {
  const session = await stripe.checkout.sessions.create({
    mode: 'payment',
    client_reference_id: 'chk_1',
    customer_email: 'ada@example.com',
    success_url: 'https://shop.example/return?session={CHECKOUT_SESSION_ID}',
    cancel_url: 'https://shop.example/cart',
    expires_at: Math.floor(Date.now() / 1000) + 31 * 60,
    locale: 'de',
    submit_type: 'pay',
    metadata: { checkoutId: 'chk_1' },
    ...({ payment_method_types: ['card'] } as object),
    line_items: [
      {
        quantity: 2,
        price_data: {
          currency: 'eur',
          unit_amount: 1250,
          product_data: {
            name: 'Walnut bowl',
            description: 'Turned by hand',
            images: ['https://shop.example/b.jpg'],
          },
        },
      },
    ],
    shipping_options: [
      {
        shipping_rate_data: {
          type: 'fixed_amount',
          display_name: 'Standard',
          fixed_amount: { amount: 490, currency: 'eur' },
          delivery_estimate: { minimum: { unit: 'business_day', value: 2 } },
        },
      },
    ],
    payment_intent_data: { capture_method: 'manual', metadata: { checkoutId: 'chk_1' }, shipping: SHIPPING },
  })
  await stripe.checkout.sessions.update(session.id, { metadata: { seen: 'yes' } })
  await stripe.checkout.sessions.listLineItems(session.id, { limit: 5 })
  await payOnPage(String(session.url))
  const expand = [
    'payment_intent.latest_charge.balance_transaction',
    'payment_intent.payment_method',
    'line_items',
  ]
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand })
  const intent = done.payment_intent as Stripe.PaymentIntent
  await stripe.checkout.sessions.list({ payment_intent: intent.id, expand: ['data.payment_intent'] })
  await refused(stripe.checkout.sessions.expire(session.id))
  await stripe.paymentIntents.capture(intent.id)
  const left = await stripe.checkout.sessions.create({
    mode: 'payment',
    ui_mode: 'embedded_page',
    return_url: 'https://shop.example/return',
    line_items: [
      { quantity: 1, price_data: { currency: 'jpy', unit_amount: 900, product_data: { name: 'Cup' } } },
    ],
  })
  await stripe.checkout.sessions.expire(left.id)
  await stripe.checkout.sessions.list({ limit: 2, status: 'expired' })
}

async function payOnPage(url: string): Promise<void> {
  const card = { expiry: '12/34', cvc: '123', name: 'Ada Lovelace', email: 'ada@example.com' }
  for (const card_number of ['4000000000000002', '4242424242424242'])
    await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ ...card, card_number }),
      redirect: 'manual',
    })
}

async function usePayments(stripe: Stripe): Promise<Stripe.PaymentIntent> {
  const intent = await stripe.paymentIntents.create(
    {
      amount: 5000,
      currency: 'usd',
      capture_method: 'manual',
      description: 'Order 1001',
      metadata: { checkoutId: 'chk_2', orderNumber: '1001' },
      receipt_email: 'ada@example.com',
      shipping: SHIPPING,
      statement_descriptor_suffix: '1001',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    },
    { idempotencyKey: 'chk_2:pay:1' },
  )
  await stripe.paymentIntents.update(intent.id, { amount: 5200, metadata: { orderNumber: '' } })
  await refused(stripe.paymentIntents.capture(intent.id))
  await refused(stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa_chargeDeclined' }))
  await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' })
  await stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] })
  await stripe.paymentIntents.capture(intent.id, {
    amount_to_capture: 4000,
    expand: ['latest_charge.refunds'],
  })
  await refused(stripe.paymentIntents.cancel(intent.id))
  const direct = {
    currency: 'usd',
    confirm: true,
    ...({ payment_method_types: ['card'] } as object),
  } as const
  const paid = await stripe.paymentIntents.create({ ...direct, amount: 2000, payment_method: 'pm_card_amex' })
  await stripe.paymentIntents.create({
    ...direct,
    amount: 3000,
    payment_method: 'pm_card_threeDSecure2Required',
    return_url: 'https://shop.example/return',
  })
  await refused(
    stripe.paymentIntents.create({
      ...direct,
      amount: 3000,
      payment_method: 'pm_card_authenticationRequired',
      off_session: true,
    }),
  )
  const held = await stripe.paymentIntents.create({
    ...direct,
    amount: 3000,
    payment_method: 'pm_card_mastercard',
    capture_method: 'manual',
  })
  await stripe.paymentIntents.cancel(held.id, { cancellation_reason: 'requested_by_customer' })
  await stripe.paymentIntents.list({ limit: 3, created: { gte: 1 } })
  await stripe.charges.list({ payment_intent: intent.id })
  await stripe.charges.retrieve(String(held.latest_charge), { expand: ['payment_intent', 'refunds'] })
  await stripe.paymentMethods.retrieve(String(held.payment_method))
  return paid
}

async function useRefunds(
  stripe: Stripe,
  paid: Stripe.PaymentIntent,
  settled: () => Promise<unknown>,
): Promise<void> {
  const refund = await stripe.refunds.create({
    payment_intent: paid.id,
    amount: 500,
    reason: 'requested_by_customer',
    metadata: { refundId: 'ref_1' },
  })
  await stripe.refunds.update(refund.id, { metadata: { note: 'x' } })
  await stripe.refunds.retrieve(refund.id, { expand: ['charge', 'balance_transaction'] })
  await refused(stripe.refunds.create({ charge: String(paid.latest_charge), amount: 90_000 }))
  await refused(stripe.refunds.cancel(refund.id))
  for (const payment_method of ['pm_card_refundFail', 'pm_card_pendingRefund']) {
    const intent = await payDirectly(stripe, payment_method)
    const back = await stripe.refunds.create({ payment_intent: intent.id })
    await settled()
    await stripe.refunds.retrieve(back.id)
  }
  await stripe.refunds.list({ payment_intent: paid.id })
  await stripe.balanceTransactions.list({ type: 'refund', limit: 3, expand: ['data.source'] })
  const [transaction] = (await stripe.balanceTransactions.list({ source: refund.id })).data
  if (transaction) await stripe.balanceTransactions.retrieve(transaction.id)
}

async function useDisputes(stripe: Stripe, settled: () => Promise<unknown>): Promise<void> {
  for (const text of ['winning_evidence', 'losing_evidence', '']) {
    const intent = await payDirectly(stripe, 'pm_card_createDispute')
    await settled()
    const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id, expand: ['data.charge'] }))
      .data
    if (!dispute) throw new Error('no dispute was opened')
    await refused(stripe.refunds.create({ payment_intent: intent.id }))
    if (text === '') await stripe.disputes.close(dispute.id)
    else {
      await stripe.disputes.update(dispute.id, { evidence: { customer_name: 'Ada' }, submit: false })
      await stripe.disputes.update(dispute.id, {
        evidence: { uncategorized_text: text },
        metadata: { case: '7' },
      })
    }
    await settled()
    await stripe.disputes.retrieve(dispute.id)
  }
}

async function useTheRest(stripe: Stripe): Promise<void> {
  await stripe.accounts.retrieveCurrent()
  const endpoint = await stripe.webhookEndpoints.create({
    url: 'https://shop.example/webhooks/stripe',
    enabled_events: ['payment_intent.succeeded', 'charge.refunded'],
    description: 'The shop',
  })
  await stripe.webhookEndpoints.list({ limit: 3 })
  await stripe.webhookEndpoints.retrieve(endpoint.id)
  await stripe.webhookEndpoints.del(endpoint.id)
  const [event] = (await stripe.events.list({ limit: 1, types: ['charge.refunded', 'refund.failed'] })).data
  if (event) await stripe.events.retrieve(event.id)
}

async function makeMistakes(stripe: Stripe): Promise<void> {
  const fine = { amount: 5000, currency: 'usd' }
  const mistakes: object[] = [
    { ...fine, nonsense: '1' },
    { amount: 5000 },
    { ...fine, shipping: { name: 'Ada' } },
    { ...fine, automatic_payment_methods: { enabled: true, nonsense: '1' } },
  ]
  for (const mistake of mistakes) await refused(stripe.paymentIntents.create(mistake as typeof fine))
  await refused(
    stripe.checkout.sessions.create({ mode: 'payment', nonsense: '1' } as object as { mode: 'payment' }),
  )
  await refused(stripe.refunds.create({ nonsense: '1' } as object))
  await refused(stripe.paymentIntents.create({ ...fine, amount: 3 }))
  await refused(stripe.paymentIntents.retrieve('pi_nope'))
}

function payDirectly(stripe: Stripe, payment_method: string): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.create({
    amount: 5000,
    currency: 'usd',
    confirm: true,
    payment_method,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  })
}

async function refused(calling: Promise<unknown>): Promise<void> {
  const done = await calling.then(
    () => true,
    () => false,
  )
  if (done) throw new Error('a request that should be refused was not')
}

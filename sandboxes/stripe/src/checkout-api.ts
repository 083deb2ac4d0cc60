import {
  type CheckoutSession,
  createSession,
  expireSession,
  type SessionSecrets,
} from './checkout-sessions.ts'
import { checkAmount } from './currency.ts'
import { lineItemsField, makeLineItems, makeShippingRates, shippingOptionsField } from './line-items.ts'
import { listFields, listObjects, listOf, pageFields } from './lists.ts'
import { type Operation, operation } from './operation.ts'
import {
  changedMetadata,
  cosmetic,
  flag,
  foreign,
  hash,
  inRelease,
  integer,
  metadata,
  missing,
  oneOf,
  type Read,
  required,
  text,
} from './parameters.ts'
import { captureMethod, cardsOnly, email, shippingField, webAddress } from './payment-fields.ts'
import { badRequest, noSuch, refused, unsupported } from './stripe-error.ts'
import type { World } from './world.ts'

const MINUTES_30 = 30 * 60
const HOURS_24 = 24 * 3600

const LOCALES = oneOf(
  ...([
    'auto',
    'bg',
    'cs',
    'da',
    'de',
    'el',
    'en',
    'en-GB',
    'es',
    'es-419',
    'et',
    'fi',
    'fil',
    'fr',
    'fr-CA',
  ] as const),
  ...([
    'hi-IN',
    'hr',
    'hu',
    'id',
    'it',
    'ja',
    'ko',
    'lt',
    'lv',
    'ms',
    'mt',
    'nb',
    'nl',
    'pl',
    'pt',
    'pt-BR',
  ] as const),
  ...(['ro', 'ru', 'sk', 'sl', 'sv', 'th', 'tr', 'vi', 'zh', 'zh-HK', 'zh-TW'] as const),
)

/** Features of Stripe's page that may be switched off here, and only off. */
const off = (name: string) =>
  hash({
    enabled: {
      read(value: string | object, path: string) {
        const enabled = flag.read(value as string, path)
        if (enabled) throw unsupported(name, path)
        return enabled
      },
      required: true,
    },
  })

const createFields = {
  mode: required(oneOf('payment', 'setup', 'subscription')),
  line_items: lineItemsField,
  success_url: webAddress,
  cancel_url: webAddress,
  return_url: webAddress,
  client_reference_id: text({ max: 200 }),
  customer: text(),
  customer_email: email,
  customer_creation: oneOf('always', 'if_required'),
  expires_at: integer(),
  locale: LOCALES,
  metadata,
  payment_intent_data: hash({
    capture_method: captureMethod,
    description: text({ max: 1000 }),
    metadata,
    receipt_email: email,
    setup_future_usage: oneOf('off_session', 'on_session'),
    shipping: shippingField,
    statement_descriptor_suffix: text({ max: 22 }),
    ...foreign(
      'application_fee_amount',
      'on_behalf_of',
      'transfer_data',
      'transfer_group',
      'statement_descriptor',
    ),
  }),
  payment_method_types: inRelease('dahlia', cardsOnly),
  allowed_payment_method_types: inRelease('endive', cardsOnly),
  payment_method_options: cosmetic,
  shipping_options: shippingOptionsField,
  submit_type: oneOf('auto', 'book', 'donate', 'pay', 'subscribe'),
  ui_mode: oneOf('elements', 'embedded_page', 'hosted_page'),
  redirect_on_completion: oneOf('always'),
  billing_address_collection: oneOf('auto'),
  payment_method_collection: oneOf('always', 'if_required'),
  adaptive_pricing: off('adaptive pricing'),
  allow_promotion_codes: cosmetic,
  automatic_tax: off('automatic tax'),
  branding_settings: cosmetic,
  custom_text: cosmetic,
  invoice_creation: off('invoices'),
  origin_context: cosmetic,
  phone_number_collection: off('phone numbers'),
  wallet_options: cosmetic,
  ...foreign(
    'after_expiration',
    'consent_collection',
    'currency',
    'custom_fields',
    'customer_account',
    'customer_update',
  ),
  ...foreign('discounts', 'excluded_payment_method_types', 'integration_identifier', 'managed_payments'),
  ...foreign(
    'name_collection',
    'optional_items',
    'payment_method_configuration',
    'payment_method_data',
    'permissions',
  ),
  ...foreign(
    'saved_payment_method_options',
    'setup_intent_data',
    'shipping_address_collection',
    'subscription_data',
  ),
  ...foreign('tax_id_collection'),
} as const

type CreateInput = Read<typeof createFields>

const sessionFilter = {
  ...listFields,
  payment_intent: text(),
  status: oneOf('complete', 'expired', 'open'),
  customer_details: hash({ email: required(text()) }),
  ...foreign('customer', 'customer_account', 'payment_link', 'subscription'),
} as const

const PATH = '/v1/checkout/sessions'

export const CHECKOUT_OPERATIONS: readonly Operation[] = [
  operation('POST', PATH, createFields, create),
  operation('GET', PATH, sessionFilter, (world, input) => {
    const address = input.customer_details?.email
    const { payment_intent, status } = input
    return listObjects(
      world,
      PATH,
      { type: 'checkout.session', payment_intent, status },
      input,
      ({ customer_details }) => {
        return address === undefined || (customer_details as { email?: string } | null)?.email === address
      },
    )
  }),
  operation('GET', `${PATH}/:id`, {}, (world, _input, id) => demandSession(world, id).body),
  operation(
    'POST',
    `${PATH}/:id`,
    {
      metadata,
      ...foreign('collected_information', 'line_items', 'shipping_options', 'payment_intent_data'),
    },
    (world, input, id) => {
      const { body: session } = demandSession(world, id)
      session.metadata = changedMetadata(session.metadata, input.metadata)
      world.objects.save(session)
      return session
    },
  ),
  operation('POST', `${PATH}/:id/expire`, {}, (world, _input, id) => {
    const { body: session } = demandSession(world, id)
    expireSession(world, session)
    return session
  }),
  operation('GET', `${PATH}/:id/line_items`, pageFields, (world, input, id) =>
    listOf(`${PATH}/${id}/line_items`, demandSession(world, id).hidden.items, input),
  ),
]

function demandSession(world: World, id: string) {
  return world.objects.demand<CheckoutSession, SessionSecrets>('checkout.session', id, 'session')
}

function create(world: World, input: CreateInput): CheckoutSession {
  if (input.mode !== 'payment') throw unsupported(`the mode \`${input.mode}\``, 'mode')
  if (input.customer !== undefined) throw noSuch('customer', input.customer, 'customer')
  const uiMode = input.ui_mode ?? 'hosted_page'
  checkAddresses(input, uiMode)
  const items = makeLineItems(world, input.line_items ?? [])
  const currency = items[0]?.currency
  if (currency === undefined) throw missing('line_items')
  if (items.some(item => item.currency !== currency))
    throw badRequest('All line items must have the same currency.', { param: 'line_items' })
  const data = input.payment_intent_data
  const rates = makeShippingRates(world, input.shipping_options ?? [], currency)
  const secrets: SessionSecrets = {
    items,
    rates,
    intent: {
      captureMethod: data?.capture_method,
      description: data?.description,
      metadata: changedMetadata({}, data?.metadata),
      methodTypes: ['card'],
      receiptEmail: data?.receipt_email,
      setupFutureUsage: data?.setup_future_usage,
      shipping: data?.shipping,
      statementDescriptorSuffix: data?.statement_descriptor_suffix,
    },
    returnUrl: input.return_url ?? null,
  }
  const session = createSession(world, {
    currency,
    secrets,
    cancelUrl: input.cancel_url ?? null,
    successUrl: input.success_url ?? null,
    clientReferenceId: input.client_reference_id ?? null,
    customerEmail: input.customer_email ?? null,
    customerCreation: input.customer_creation ?? 'if_required',
    expiresAt: expiryOf(world, input.expires_at),
    locale: input.locale ?? null,
    metadata: changedMetadata({}, input.metadata),
    submitType: input.submit_type ?? null,
    uiMode,
  })
  // A free order needs no payment; a cheap one cannot be paid.
  if (session.amount_total > 0) checkAmount(session.amount_total, currency, { session: true })
  world.objects.insert(session, secrets)
  world.schedule('expire-session', session.id, session.expires_at * 1000)
  return session
}

function checkAddresses(input: CreateInput, uiMode: CheckoutSession['ui_mode']): void {
  const hosted = uiMode === 'hosted_page'
  if (hosted && input.success_url === undefined) throw missing('success_url')
  if (!hosted && input.return_url === undefined) throw missing('return_url')
  const misplaced = hosted
    ? (['return_url', 'redirect_on_completion'] as const)
    : (['success_url', 'cancel_url'] as const)
  for (const name of misplaced)
    if (input[name] !== undefined)
      throw badRequest(`\`${name}\` cannot be used when \`ui_mode\` is \`${uiMode}\`.`, { param: name })
}

function expiryOf(world: World, wanted: number | undefined): number {
  const now = world.now()
  if (wanted === undefined) return now + HOURS_24
  if (wanted < now + MINUTES_30)
    throw refused('The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.', {
      param: 'expires_at',
    })
  if (wanted > now + HOURS_24)
    throw refused('The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.', {
      param: 'expires_at',
    })
  return wanted
}

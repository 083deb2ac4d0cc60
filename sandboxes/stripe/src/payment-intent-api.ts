import { cancelIntent, captureIntent } from './capture-intent.ts'
import { cardByName } from './cards.ts'
import { type Confirmation, confirmIntent } from './confirm-intent.ts'
import { checkAmount, currency } from './currency.ts'
import { listFields, listObjects } from './lists.ts'
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
  oneOf,
  type Read,
  type Reader,
  required,
  text,
} from './parameters.ts'
import { captureMethod, cardsOnly, email, methodData, shippingField, webAddress } from './payment-fields.ts'
import {
  createIntent,
  type IntentSecrets,
  type PaymentIntent,
  saveIntent,
  wrongState,
} from './payment-intents.ts'
import { methodNamed, methodOfToken, newCardMethod, type PaymentMethod } from './payment-methods.ts'
import { badRequest, refused } from './stripe-error.ts'
import type { World } from './world.ts'

const offSession: Reader<boolean> = {
  read: (value, path) => oneOf('true', 'false', 'one_off', 'recurring').read(value, path) !== 'false',
}

const confirmFields = {
  payment_method: text(),
  payment_method_data: methodData,
  return_url: webAddress,
  off_session: offSession,
  error_on_requires_action: flag,
  payment_method_options: cosmetic,
  payment_method_types: inRelease('dahlia', cardsOnly),
  allowed_payment_method_types: cardsOnly,
  receipt_email: email,
  setup_future_usage: oneOf('off_session', 'on_session'),
  shipping: shippingField,
  use_stripe_sdk: flag,
  capture_method: captureMethod,
  ...foreign('confirmation_token', 'mandate', 'mandate_data', 'hooks', 'excluded_payment_method_types'),
  ...foreign('amount_details', 'payment_details'),
} as const

const detailFields = {
  description: text({ max: 1000 }),
  metadata,
  statement_descriptor_suffix: text({ max: 22 }),
  ...foreign('customer', 'customer_account', 'transfer_data', 'transfer_group', 'on_behalf_of'),
  ...foreign('application_fee_amount', 'payment_method_configuration', 'statement_descriptor'),
} as const

const createFields = {
  ...confirmFields,
  ...detailFields,
  amount: required(integer()),
  currency: required(currency),
  automatic_payment_methods: hash({ enabled: required(flag), allow_redirects: oneOf('always', 'never') }),
  confirm: flag,
  confirmation_method: oneOf('automatic'),
  radar_options: cosmetic,
} as const

const {
  return_url: _,
  off_session: __,
  error_on_requires_action: ___,
  use_stripe_sdk: ____,
  ...changeable
} = confirmFields
const updateFields = { ...changeable, ...detailFields, amount: integer(), currency } as const

export const PAYMENT_INTENT_OPERATIONS: readonly Operation[] = [
  operation('POST', '/v1/payment_intents', createFields, create),
  operation(
    'GET',
    '/v1/payment_intents',
    { ...listFields, ...foreign('customer', 'customer_account') },
    (world, input) => listObjects(world, '/v1/payment_intents', { type: 'payment_intent' }, input),
  ),
  operation('GET', '/v1/payment_intents/:id', { client_secret: text() }, (world, input, id) => {
    const { body: intent } = demandIntent(world, id)
    if (input.client_secret !== undefined && input.client_secret !== intent.client_secret)
      throw badRequest('The client_secret provided does not match the client_secret on the PaymentIntent.', {
        param: 'client_secret',
      })
    return intent
  }),
  operation('POST', '/v1/payment_intents/:id', updateFields, update),
  operation('POST', '/v1/payment_intents/:id/confirm', { ...confirmFields, client_secret: text() }, confirm),
  operation(
    'POST',
    '/v1/payment_intents/:id/capture',
    {
      amount_to_capture: integer(),
      final_capture: flag,
      metadata,
      statement_descriptor_suffix: text({ max: 22 }),
      ...foreign(
        'application_fee_amount',
        'transfer_data',
        'statement_descriptor',
        'hooks',
        'amount_details',
      ),
      ...foreign('payment_details'),
    },
    (world, input, id) => {
      const { body: intent } = demandIntent(world, id)
      if (input.final_capture === false)
        throw refused('This PaymentIntent is not eligible for multicapture.', { param: 'final_capture' })
      intent.metadata = changedMetadata(intent.metadata, input.metadata)
      captureIntent(world, intent, input.amount_to_capture)
      return intent
    },
  ),
  operation(
    'POST',
    '/v1/payment_intents/:id/cancel',
    { cancellation_reason: oneOf('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer') },
    (world, input, id) => {
      const { body: intent, hidden } = demandIntent(world, id)
      refuseWhileInSession(world, intent, hidden, 'cancel')
      cancelIntent(world, intent, input.cancellation_reason ?? null)
      return intent
    },
  ),
]

function demandIntent(world: World, id: string) {
  return world.objects.demand<PaymentIntent, IntentSecrets>('payment_intent', id, 'intent')
}

function create(world: World, input: Read<typeof createFields>): PaymentIntent {
  checkAmount(input.amount, input.currency)
  const automatic = input.automatic_payment_methods
  if (automatic?.enabled && input.payment_method_types)
    throw badRequest(
      'You may only specify one of these parameters: automatic_payment_methods, payment_method_types.',
    )
  if (!input.confirm) {
    for (const name of ['off_session', 'error_on_requires_action'] as const)
      if (input[name] !== undefined)
        throw badRequest(
          `The parameter \`${name}\` cannot be passed when creating a PaymentIntent unless \`confirm\` is set to true.`,
          { param: name },
        )
  }
  const intent = createIntent(world, {
    amount: input.amount,
    currency: input.currency,
    captureMethod: input.capture_method,
    metadata: changedMetadata({}, input.metadata),
    description: input.description,
    receiptEmail: input.receipt_email,
    shipping: input.shipping,
    statementDescriptorSuffix: input.statement_descriptor_suffix,
    setupFutureUsage: input.setup_future_usage,
    allowRedirects: automatic?.allow_redirects,
    allowedTypes: input.allowed_payment_method_types,
    methodTypes: input.payment_method_types ?? (automatic?.enabled === false ? ['card'] : undefined),
  })
  const method = methodOf(world, input)
  if (input.confirm) {
    confirmIntent(world, intent, confirmationOf(intent, method, input))
  } else if (method) {
    intent.payment_method = method.id
    intent.status = 'requires_confirmation'
    saveIntent(world, intent)
  }
  return intent
}

const UPDATABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'] as const

function update(world: World, input: Read<typeof updateFields>, id: string): PaymentIntent {
  const { body: intent, hidden } = demandIntent(world, id)
  const open = UPDATABLE.some(status => status === intent.status)
  const { metadata: change, description, ...rest } = input
  if (!open && Object.values(rest).some(value => value !== undefined))
    throw wrongState(intent, 'updated', UPDATABLE)
  if (open) refuseWhileInSession(world, intent, hidden, 'update')
  const code = input.currency ?? intent.currency
  if (input.amount !== undefined || input.currency !== undefined)
    checkAmount(input.amount ?? intent.amount, code)
  intent.amount = input.amount ?? intent.amount
  intent.currency = code
  intent.capture_method = input.capture_method ?? intent.capture_method
  intent.metadata = changedMetadata(intent.metadata, change)
  intent.description = description ?? intent.description
  intent.receipt_email = input.receipt_email ?? intent.receipt_email
  intent.shipping = input.shipping ?? intent.shipping
  const method = methodOf(world, input)
  if (method) {
    intent.payment_method = method.id
    intent.status = 'requires_confirmation'
    intent.next_action = null
  }
  saveIntent(world, intent)
  return intent
}

function confirm(world: World, input: Read<typeof confirmFields>, id: string): PaymentIntent {
  const { body: intent, hidden } = demandIntent(world, id)
  refuseWhileInSession(world, intent, hidden, 'confirm')
  const present = intent.payment_method
  const method =
    methodOf(world, input) ?? (present === null ? undefined : world.objects.get<PaymentMethod>(present).body)
  intent.capture_method = input.capture_method ?? intent.capture_method
  intent.receipt_email = input.receipt_email ?? intent.receipt_email
  intent.shipping = input.shipping ?? intent.shipping
  confirmIntent(world, intent, confirmationOf(intent, method, input))
  return intent
}

function methodOf(
  world: World,
  input: Pick<Read<typeof confirmFields>, 'payment_method' | 'payment_method_data'>,
): PaymentMethod | undefined {
  const { payment_method: id, payment_method_data: data } = input
  if (id !== undefined) return methodNamed(world, id)
  if (!data) return undefined
  if (data.card?.token !== undefined)
    return methodOfToken(world, data.card.token, 'payment_method_data[card][token]')
  const visa = cardByName('visa')
  if (!visa) throw new Error('the list of test cards has no visa')
  return newCardMethod(world, visa)
}

function confirmationOf(
  intent: PaymentIntent,
  method: PaymentMethod | undefined,
  input: Read<typeof confirmFields>,
): Confirmation {
  if (!method)
    throw refused(
      "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent " +
        'with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.',
      { code: 'payment_intent_unexpected_state', payment_intent: intent },
    )
  const automatic = intent.automatic_payment_methods as { allow_redirects: string } | null
  if (automatic && automatic.allow_redirects !== 'never' && input.return_url === undefined)
    throw refused(
      'This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment ' +
        "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept " +
        'redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and ' +
        '`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.',
    )
  return {
    method,
    returnUrl: input.return_url,
    offSession: input.off_session ?? false,
    errorOnAction: input.error_on_requires_action ?? false,
  }
}

function refuseWhileInSession(
  world: World,
  intent: PaymentIntent,
  { session }: IntentSecrets,
  verb: string,
): void {
  if (session === undefined || world.objects.get(session).body.status !== 'open') return
  throw refused(
    `You cannot ${verb} this PaymentIntent because it belongs to a Checkout Session that is open. Expire the Checkout Session instead.`,
    { code: 'payment_intent_unexpected_state', payment_intent: intent },
  )
}

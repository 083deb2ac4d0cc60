import { listFields, listObjects, pageFields } from './lists.ts'
import { newId } from './objects.ts'
import { type Operation, operation } from './operation.ts'
import {
  changedMetadata,
  cosmetic,
  flag,
  foreign,
  list,
  metadata,
  oneOf,
  type Reader,
  required,
  text,
} from './parameters.ts'
import { cardField, webAddress } from './payment-fields.ts'
import { methodNamed, methodOfToken, refuseRawCard } from './payment-methods.ts'
import { badRequest, refused } from './stripe-error.ts'
import type { EndpointSecrets, WebhookEndpoint } from './webhook-queue.ts'
import type { World } from './world.ts'

/** Stripe allows as many. */
const ENDPOINTS_MAX = 16

const eventType = text({ max: 100, pattern: /^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$/ })
const rawCard: Reader<never> = { read: () => refuseRawCard() }

const methodFields = {
  type: required(oneOf('card')),
  card: required(cardField),
  billing_details: cosmetic,
  metadata,
  ...foreign('customer', 'customer_account', 'payment_method'),
} as const

const tokenFields = {
  card: rawCard,
  ...foreign('account', 'bank_account', 'customer', 'cvc_update', 'person', 'pii'),
}

export const ACCOUNT_OPERATIONS: readonly Operation[] = [
  operation('GET', '/v1/account', {}, world => accountOf(world)),
  operation('POST', '/v1/tokens', tokenFields, () => {
    throw badRequest('You must supply either a card, customer, bank account, or PII token.')
  }),
  operation('POST', '/v1/payment_methods', methodFields, (world, input) => {
    if (input.card.token === undefined)
      throw badRequest('Missing required param: card[token].', {
        code: 'parameter_missing',
        param: 'card[token]',
      })
    return methodOfToken(world, input.card.token, 'card[token]')
  }),
  operation('GET', '/v1/payment_methods/:id', {}, (world, _input, id) => methodNamed(world, id)),
  operation(
    'GET',
    '/v1/events',
    { ...listFields, type: eventType, types: list(eventType, 20), delivery_success: flag },
    (world, input) => {
      const types = [...(input.types ?? []), ...(input.type === undefined ? [] : [input.type])]
      const { delivery_success: delivered } = input
      return listObjects(world, '/v1/events', { type: 'event' }, input, event => {
        const wanted = types.length === 0 || types.some(type => matchesType(type, String(event.type)))
        return wanted && (delivered === undefined || delivered === (event.pending_webhooks === 0))
      })
    },
  ),
  operation('GET', '/v1/events/:id', {}, (world, _input, id) => world.objects.demand('event', id, 'id').body),
  operation(
    'POST',
    '/v1/webhook_endpoints',
    {
      url: required(webAddress),
      enabled_events: required(list(eventType, 300)),
      description: text(),
      metadata,
      api_version: text({ max: 40 }),
      ...foreign('connect'),
    },
    (world, input) => {
      if (input.enabled_events.length === 0)
        throw badRequest('Invalid array: enabled_events may not be empty.', { param: 'enabled_events' })
      if (world.objects.list({ type: 'webhook_endpoint' }).length >= ENDPOINTS_MAX)
        throw refused(`You have reached the maximum of ${ENDPOINTS_MAX} test webhook endpoints.`)
      const secret = newId('whsec', 32)
      const endpoint = addEndpoint(world, newId('we'), {
        url: input.url,
        secret,
        enabledEvents: input.enabled_events,
        description: input.description ?? null,
        metadata: changedMetadata({}, input.metadata),
        apiVersion: input.api_version ?? null,
      })
      // Told once, when it is made.
      return { ...endpoint, secret }
    },
  ),
  operation('GET', '/v1/webhook_endpoints', pageFields, (world, input) =>
    listObjects(
      world,
      '/v1/webhook_endpoints',
      { type: 'webhook_endpoint' },
      { ...input, created: undefined },
    ),
  ),
  operation(
    'GET',
    '/v1/webhook_endpoints/:id',
    {},
    (world, _input, id) => world.objects.demand('webhook_endpoint', id, 'webhook_endpoint').body,
  ),
  operation('DELETE', '/v1/webhook_endpoints/:id', {}, (world, _input, id) => {
    world.objects.demand('webhook_endpoint', id, 'webhook_endpoint')
    world.objects.remove(id)
    return { id, object: 'webhook_endpoint', deleted: true }
  }),
]

export function addEndpoint(
  world: World,
  id: string,
  wanted: {
    url: string
    secret: string
    enabledEvents: string[]
    description: string | null
    metadata?: Record<string, string>
    apiVersion?: string | null
  },
): WebhookEndpoint {
  const endpoint: WebhookEndpoint = {
    id,
    object: 'webhook_endpoint',
    api_version: wanted.apiVersion ?? null,
    application: null,
    created: world.now(),
    description: wanted.description,
    enabled_events: wanted.enabledEvents,
    livemode: false,
    metadata: wanted.metadata ?? {},
    status: 'enabled',
    url: wanted.url,
  }
  const secrets: EndpointSecrets = { secret: wanted.secret }
  return world.objects.insert(endpoint, secrets)
}

function matchesType(pattern: string, type: string): boolean {
  if (pattern === '*') return true
  return pattern.endsWith('.*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type
}

function accountOf(world: World): object {
  return {
    id: 'acct_1SandboxStorewright',
    object: 'account',
    business_profile: null,
    business_type: null,
    capabilities: { card_payments: 'active', transfers: 'active' },
    charges_enabled: true,
    controller: { type: 'account' },
    country: 'US',
    created: Math.min(1_700_000_000, world.now()),
    default_currency: 'usd',
    details_submitted: true,
    email: 'sandbox@example.com',
    metadata: {},
    payouts_enabled: true,
    type: 'standard',
  }
}

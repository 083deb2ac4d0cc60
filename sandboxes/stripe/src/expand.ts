import type { CheckoutSession, SessionSecrets } from './checkout-sessions.ts'
import type { Form } from './form.ts'
import type { StripeObject } from './objects.ts'
import { list, text } from './parameters.ts'
import { badRequest } from './stripe-error.ts'
import type { World } from './world.ts'

/** Stripe's own limit. */
const DEPTH_MAX = 4
const PATHS_MAX = 20
/** As many of a list as Stripe includes in its owner. */
const INCLUDED_MAX = 10

/** What may be expanded: fields that hold an id (or null), and lists that are left out unless asked for. */
const EXPANDABLE: Readonly<Record<string, readonly string[]>> = {
  'checkout.session': ['payment_intent', 'customer', 'line_items', 'setup_intent', 'subscription', 'invoice'],
  payment_intent: ['latest_charge', 'payment_method', 'customer', 'review', 'on_behalf_of', 'application'],
  charge: [
    'payment_intent',
    'balance_transaction',
    'refunds',
    'customer',
    'review',
    'application',
    'on_behalf_of',
  ],
  refund: [
    'charge',
    'payment_intent',
    'balance_transaction',
    'payment_method',
    'failure_balance_transaction',
  ],
  dispute: ['charge', 'payment_intent'],
  balance_transaction: ['source'],
  payment_method: ['customer'],
}

const paths = list(text({ max: 200 }), PATHS_MAX)

/** Takes `expand[]` out of the parameters. */
export function takeExpand(form: Form): string[] {
  const { expand } = form
  if (expand === undefined) return []
  delete form.expand
  return paths.read(expand, 'expand')
}

export function expandAll(world: World, answer: unknown, wanted: readonly string[]): unknown {
  if (wanted.length === 0) return answer
  const copy: unknown = structuredClone(answer)
  for (const path of wanted) {
    const steps = path.split('.')
    if (steps.length > DEPTH_MAX)
      throw badRequest(`You cannot expand more than ${DEPTH_MAX} levels of a property. Property: ${path}.`, {
        param: 'expand',
      })
    expand(world, copy, steps, path)
  }
  return copy
}

function expand(world: World, at: unknown, steps: readonly string[], path: string): void {
  const [step, ...rest] = steps
  if (step === undefined || at === null || typeof at !== 'object') return
  if (Array.isArray(at)) {
    for (const each of at) expand(world, each, steps, path)
    return
  }
  const object = at as StripeObject
  if (object.object === 'list') {
    if (step !== 'data') throw impossible(path)
    expand(world, object.data, rest, path)
    return
  }
  // A field between objects: `shipping_cost.shipping_rate`.
  const allowed = EXPANDABLE[object.object] ?? []
  const value = object[step]
  const inner = value !== null && typeof value === 'object' && !allowed.includes(step)
  const rate = object.object === undefined && step === 'shipping_rate'
  if (!allowed.includes(step) && !inner && !rate) throw impossible(path)
  if (step === 'line_items') object.line_items ??= itemsOf(world, object)
  else if (step === 'refunds') object.refunds ??= refundsOf(world, object)
  else if (typeof value === 'string') object[step] = world.objects.find(value)?.body ?? value
  expand(world, object[step], rest, path)
}

function itemsOf(world: World, session: StripeObject): object {
  const { items } = world.objects.get<CheckoutSession, SessionSecrets>(session.id).hidden
  return {
    object: 'list',
    data: items.slice(0, INCLUDED_MAX),
    has_more: items.length > INCLUDED_MAX,
    url: `/v1/checkout/sessions/${session.id}/line_items`,
  }
}

function refundsOf(world: World, charge: StripeObject): object {
  const found = world.objects.list({ type: 'refund', charge: charge.id }, INCLUDED_MAX + 1)
  return {
    object: 'list',
    data: found.slice(0, INCLUDED_MAX).map(({ body }) => body),
    has_more: found.length > INCLUDED_MAX,
    url: `/v1/charges/${charge.id}/refunds`,
  }
}

function impossible(path: string): Error {
  return badRequest(`This property cannot be expanded (${path}).`, { param: 'expand' })
}

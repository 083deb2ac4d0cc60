import type { Id } from '@storewright/kernel/ids'
import type { Money } from '@storewright/kernel/money'
import { isUniqueViolation } from '@storewright/postgres/errors'
import type { Sql } from '@storewright/postgres/sql'
import type { CheckoutState, Failure, PayRequest, Quote } from './domain.ts'

export interface PlannedLine {
  readonly sku: string
  readonly locationId: Id<'location'>
  readonly quantity: number
}

export interface CheckoutPayment {
  readonly paymentId: Id<'payment'>
  readonly onTerms: boolean
  /** Where the shopper pays, when that is not here. */
  readonly page?: { readonly url: string; readonly expiresAt: string }
  readonly captureOn?: 'placement' | 'shipment'
}

/** One saga as its holder sees it. `leaseEpoch` is the proof of holding it. */
export interface Checkout {
  readonly checkoutId: Id<'checkout'>
  readonly owner: string
  readonly bodyHash: string
  readonly cartId: Id<'cart'>
  readonly state: CheckoutState
  readonly attempt: number
  readonly leaseEpoch: number
  readonly trace: string
  readonly request: PayRequest
  readonly quote: Quote & { vendorIds: Record<string, Id<'vendor'>>; shippingTax: Money }
  readonly plan: readonly PlannedLine[]
  readonly payment: CheckoutPayment | null
  readonly orders: readonly { orderId: Id<'order'>; number: string; total: Money; trackingToken: string }[]
  readonly failure: Failure | null
  /** The time for paying is over, by the database's clock. */
  readonly isParkOver: boolean
}

/**
 * Longer than any step may take (see STEP_TIMEOUT_MS in saga.ts), so that a step in flight has ended, one way or
 * the other, before somebody else may take the saga over.
 */
const LEASE_SECONDS = 10

/** Unfinished checkouts per shopper and per email address: each holds stock. Counted by the database, under a lock. */
const OPEN_CHECKOUTS_MAX = 5

const COLUMNS = `checkout_id as "checkoutId", owner, body_hash as "bodyHash", cart_id as "cartId", state, attempt,
  lease_epoch as "leaseEpoch", trace, request, quote, plan, payment, orders, failure,
  coalesce(parked_until <= now(), false) as "isParkOver"`

/** A page whose time is over and that will not close: the provider is asked again after this. */
const ASK_AGAIN_SECONDS = 30

/** A holder's lease is at most LEASE_SECONDS long; what is let go for longer is held by nobody. */
const PARKED = `state = 'awaiting-payment' and lease_until > now() + interval '${LEASE_SECONDS} seconds'`

const OPEN = `state not in ('completed', 'failed')`

export type NewCheckout = Pick<
  Checkout,
  'checkoutId' | 'owner' | 'bodyHash' | 'cartId' | 'trace' | 'request' | 'quote' | 'plan'
> & { idempotencyKey: string }

/** The new checkout, leased to the caller; or why there is none. */
export async function insertCheckout(
  sql: Sql,
  checkout: NewCheckout,
): Promise<Checkout | 'same-key' | 'cart-taken' | 'too-many'> {
  try {
    const [row] = await sql.query<Checkout>(
      `insert into checkout (checkout_id, owner, idempotency_key, body_hash, cart_id, email, state, lease_until,
         trace, request, quote, plan)
       select $1, $2, $3, $4, $5, $6, 'reserving', now() + interval '${LEASE_SECONDS} seconds', $7, $8, $9, $10
       where may_open_checkout($2, $6, ${OPEN_CHECKOUTS_MAX})
       returning ${COLUMNS}`,
      [
        checkout.checkoutId,
        checkout.owner,
        checkout.idempotencyKey,
        checkout.bodyHash,
        checkout.cartId,
        checkout.request.email.toLowerCase(),
        checkout.trace,
        JSON.stringify(checkout.request),
        JSON.stringify(checkout.quote),
        JSON.stringify(checkout.plan),
      ],
    )
    return row ?? 'too-many'
  } catch (error) {
    if (isUniqueViolation(error, 'checkout_key')) return 'same-key'
    if (isUniqueViolation(error, 'checkout_one_per_cart')) return 'cart-taken'
    throw error
  }
}

export async function findByKey(
  sql: Sql,
  owner: string,
  idempotencyKey: string,
): Promise<Checkout | undefined> {
  const [row] = await sql.query<Checkout>(
    `select ${COLUMNS} from checkout where owner = $1 and idempotency_key = $2`,
    [owner, idempotencyKey],
  )
  return row
}

export async function findByCart(sql: Sql, cartId: Id<'cart'>): Promise<Checkout | undefined> {
  const [row] = await sql.query<Checkout>(
    `select ${COLUMNS} from checkout where cart_id = $1 and state <> 'failed'`,
    [cartId],
  )
  return row
}

export async function findCheckout(sql: Sql, checkoutId: Id<'checkout'>): Promise<Checkout | undefined> {
  const [row] = await sql.query<Checkout>(`select ${COLUMNS} from checkout where checkout_id = $1`, [
    checkoutId,
  ])
  return row
}

/** One step of one saga: the new state and what the step learned. Absent parts stay as they are. */
export interface Advance {
  readonly checkout: Checkout
  readonly to: CheckoutState
  readonly plan?: Checkout['plan']
  readonly payment?: Checkout['payment']
  readonly orders?: Checkout['orders']
  readonly failure?: Failure
  /** With `awaiting-payment`: how long there is time for paying (ISO 8601). */
  readonly parkUntil?: string
}

/**
 * Compare-and-swap for many sagas in one statement: state and epoch must be what the holder saw. The rows that
 * changed come back; a missing one was fenced off. Rows are locked in checkout_id order. The ids come a second time
 * as a plain array: Postgres cannot see how few rows the JSON holds, and would read the whole table.
 * `awaiting-payment` is held by nobody: its lease lasts until the time for paying is over. A card's token is kept until
 * it was sent.
 */
export async function advanceCheckouts(
  sql: Sql,
  advances: readonly Advance[],
): Promise<(Checkout | undefined)[]> {
  const rows = await sql.query<Checkout>(
    `with step as (
       select * from jsonb_to_recordset($1::jsonb)
         as item (id text, was text, becomes text, epoch int, plan jsonb, payment jsonb, orders jsonb, failure jsonb,
           "parkUntil" timestamptz)
     ), held as (
       select checkout.checkout_id from checkout join step on checkout_id = id
       where checkout_id = any ($2::text[]) and state = was and lease_epoch = epoch
       order by checkout_id for update of checkout
     )
     update checkout set
       state = becomes, attempt = 0, version = version + 1, last_error = null, updated_at = now(),
       parked_until = coalesce("parkUntil", parked_until),
       lease_until = case when becomes = 'awaiting-payment'
         then greatest(coalesce("parkUntil", parked_until), now() + interval '${ASK_AGAIN_SECONDS} seconds')
         else now() + interval '${LEASE_SECONDS} seconds' end,
       request = case when becomes = 'authorizing' then request else request - 'paymentToken' end,
       plan = coalesce(step.plan, checkout.plan), payment = coalesce(step.payment, checkout.payment),
       orders = coalesce(step.orders, checkout.orders), failure = coalesce(step.failure, checkout.failure)
     from held, step
     where checkout.checkout_id = any ($2::text[]) and checkout.checkout_id = held.checkout_id
       and step.id = held.checkout_id
     returning ${COLUMNS.replace('checkout_id as', 'checkout.checkout_id as').replace(
       'plan, payment, orders, failure',
       'checkout.plan, checkout.payment, checkout.orders, checkout.failure',
     )}`,
    [
      JSON.stringify(
        advances.map(({ checkout, to, plan, payment, orders, failure, parkUntil }) => ({
          id: checkout.checkoutId,
          was: checkout.state,
          becomes: to,
          epoch: checkout.leaseEpoch,
          plan,
          payment,
          orders,
          failure,
          parkUntil,
        })),
      ),
      advances.map(({ checkout }) => checkout.checkoutId),
    ],
  )
  const byId = new Map(rows.map(row => [row.checkoutId, row]))
  return advances.map(({ checkout }) => byId.get(checkout.checkoutId))
}

/** Removes checkouts that failed long ago, oldest first. Returns how many. */
export async function deleteFailed(sql: Sql, wanted: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from checkout where checkout_id in (
       select checkout_id from checkout where state = 'failed' and updated_at < now() - make_interval(days => $1)
       order by updated_at limit $2 for update skip locked)
     returning 1 as one`,
    [wanted.days, wanted.limit],
  )
  return rows.length
}

/** Gives the lease back early after a fault, so that the step is tried again after `delayMs`. */
export async function recordFault(
  sql: Sql,
  checkout: Checkout,
  delayMs: number,
  message: string,
): Promise<void> {
  await sql.query(
    `update checkout set attempt = attempt + 1, last_error = $3, updated_at = now(),
       lease_until = now() + $4 * interval '1 millisecond'
     where checkout_id = $1 and lease_epoch = $2`,
    [checkout.checkoutId, checkout.leaseEpoch, message.slice(0, 1000), delayMs],
  )
}

/** Takes over sagas whose holder is gone, oldest first; SKIP LOCKED so that several sweepers share the work. */
export async function claimExpired(sql: Sql, limit: number): Promise<Checkout[]> {
  return sql.query<Checkout>(
    `update checkout set lease_epoch = lease_epoch + 1, version = version + 1,
       lease_until = now() + interval '${LEASE_SECONDS} seconds'
     where checkout_id in (
       select checkout_id from checkout where ${OPEN} and lease_until < now()
       order by lease_until limit $1 for update skip locked
     )
     returning ${COLUMNS}`,
    [limit],
  )
}

/**
 * Takes a parked saga up: to look whether it was paid, or to end its time now. Undefined when it is not parked, or
 * somebody has taken it up in this moment.
 */
export async function claimParked(
  sql: Sql,
  checkoutId: Id<'checkout'>,
  options: { endTime: boolean },
): Promise<Checkout | undefined> {
  const [row] = await sql.query<Checkout>(
    `update checkout set lease_epoch = lease_epoch + 1, version = version + 1,
       lease_until = now() + interval '${LEASE_SECONDS} seconds',
       parked_until = case when $2 then now() else parked_until end
     where checkout_id = $1 and ${PARKED}
     returning ${COLUMNS}`,
    [checkoutId, options.endTime],
  )
  return row
}

/** Makes parked sagas due: the sweeper takes them up. */
export async function makeDue(sql: Sql, checkoutIds: readonly Id<'checkout'>[]): Promise<void> {
  await sql.query(
    `update checkout set lease_until = now() where checkout_id = any ($1::text[]) and ${PARKED}`,
    [checkoutIds],
  )
}

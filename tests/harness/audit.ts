import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '@storewright/postgres/pool'
import type { Database } from '@storewright/postgres/sql'

/** Reads all schemas as the administrator, to compare what no service may compare. */
export function openAudit(adminUrl: string): Database {
  return openDatabase({ url: adminUrl, name: 'audit', maxConnections: 4 })
}

/** The embedded cluster's administrator, from its own files in the data folder. */
export function adminUrlOf(dataDir: string): string {
  const home = join(dataDir, 'postgres')
  const { postgresPassword } = JSON.parse(readFileSync(join(home, 'secrets'), 'utf8'))
  const port = readFileSync(join(home, 'port'), 'utf8').trim()
  return `postgres://storewright:${postgresPassword}@127.0.0.1:${port}/storewright`
}

interface Invariant {
  readonly name: string
  /** Answers the rows that break it: none when it holds. */
  readonly sql: string
}

/** DESIGN's invariants as SQL over all services, true at rest: nothing under way but shoppers who pay or do not. */
export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'I1 the money ledger sums to zero per transfer and currency, and says what the payments say',
    sql: `select transfer_id from payment.ledger_entry group by transfer_id, currency having sum(amount) <> 0
          union all
          select p.payment_id from payment.payment p left join (
            select payment_id, sum(amount) filter (where kind = 'capture') as captured,
              sum(amount) filter (where kind in ('refund', 'refund-failed')) as refunded
            from payment.transfer join payment.ledger_entry using (transfer_id)
            where account in ('merchant', 'provider') group by payment_id
          ) booked using (payment_id)
          where p.captured_amount <> coalesce(captured, 0) or p.refunded_amount <> -coalesce(refunded, 0)`,
  },
  {
    name: 'I3 every order that is not canceled has an authorized payment of its total',
    sql: `select o.order_id from "order".orders o left join payment.payment p on p.payment_id = o.payment_id
          where p.payment_id is null or p.amount <> o.total or p.currency <> o.currency
             or (p.state in ('pending', 'voided') and o.status <> 'canceled')`,
  },
  {
    name: 'a canceled order has nothing left to give back, and no money but what the merchant collected or a bank took',
    sql: `select o.order_id from "order".orders o left join payment.payment p on p.payment_id = o.payment_id
          where o.canceling or (o.status = 'canceled' and p.state is distinct from 'voided' and (
            p.state is distinct from 'captured'
            or (p.provider <> 'manual' and p.captured_amount > p.refunded_amount + p.disputed_amount)))`,
  },
  {
    name: 'I4 no live payment without an order',
    sql: `select p.payment_id from payment.payment p
          left join "order".orders o on o.payment_id = p.payment_id
          where p.state not in ('pending', 'voided') and o.order_id is null`,
  },
  {
    name: 'I5 one live payment and one order group per checkout',
    sql: `select checkout_id from payment.payment where state <> 'voided' group by 1 having count(*) > 1
          union all select checkout_id from "order".orders group by checkout_id, position having count(*) > 1`,
  },
  {
    name: 'I6 reserved and allocated are the sums of what is held and sold',
    sql: `select s.sku from inventory.stock s
          left join (select sku, location_id, sum(quantity) filter (where state = 'held') as held,
                       sum(quantity) filter (where state = 'committed') as sold
                     from inventory.reservation_line line join inventory.reservation held on held.id = line.reservation_id
                     group by sku, location_id) r using (sku, location_id)
          where s.reserved <> coalesce(r.held, 0) or s.allocated <> coalesce(r.sold, 0)
             or s.reserved + s.allocated > s.on_hand - s.safety + s.backorder_limit + s.shortage`,
  },
  {
    name: 'I7 an order is the sum of its lines, shipping and tax',
    sql: `select o.order_id from "order".orders o
          join (select order_id, sum(total) as lines from "order".order_line group by 1) l using (order_id)
          where o.subtotal <> l.lines
             or o.total <> o.subtotal + o.shipping_price + case when o.tax_included then 0 else o.tax end`,
  },
  {
    name: 'I9 committed stock is the lines of orders that are not canceled, piece by piece',
    sql: `with sold as (select reservation_id as checkout_id, sku, sum(quantity) as quantity
                        from inventory.reservation_line line join inventory.reservation held on held.id = line.reservation_id
                        where state = 'committed' group by 1, 2),
               ordered as (select checkout_id, sku, sum(quantity) as quantity
                           from "order".order_line join "order".orders using (order_id)
                           where status <> 'canceled' group by 1, 2)
          select checkout_id from sold full join ordered using (checkout_id, sku)
          where sold.quantity is distinct from ordered.quantity`,
  },
  {
    name: 'I10 each event reached each hearer once, without gaps',
    sql: `select o.aggregate_id from "order".outbox o
          left join notification.inbox i on i.event_id = o.id and i.state = 'processed'
          where o.aggregate_type = 'order' and i.event_id is null
          union all
          select p.aggregate_id from payment.outbox p
          left join "order".inbox i on i.event_id = p.id and i.state = 'processed'
          where p.aggregate_type = 'payment' and i.event_id is null
          union all
          select p.aggregate_id from payment.outbox p
          left join checkout.inbox i on i.event_id = p.id and i.state = 'processed'
          where p.aggregate_type = 'payment-attempt' and i.event_id is null`,
  },
  {
    name: 'I12 one confirmation per order',
    sql: `select about_id from notification.message where kind = 'order-confirmation'
          group by about_id having count(*) > 1`,
  },
  {
    name: 'checkouts are finished',
    sql: `select checkout_id from checkout.checkout
          where state not in ('completed', 'failed') and not (state = 'awaiting-payment' and parked_until > now())`,
  },
  {
    name: 'completed checkouts have orders, failed ones have none',
    sql: `select c.checkout_id from checkout.checkout c left join "order".orders o using (checkout_id)
          where (c.state = 'completed' and o.order_id is null) or (c.state = 'failed' and o.order_id is not null)`,
  },
]

/** Broken invariants with the first rows that break them; empty when the house is in order. */
export async function brokenInvariants(audit: Database): Promise<string[]> {
  const broken: string[] = []
  for (const invariant of INVARIANTS) {
    const rows = await audit.query(invariant.sql, [])
    if (rows.length > 0) broken.push(`${invariant.name}: ${rows.length}, first ${JSON.stringify(rows[0])}`)
  }
  return broken
}

/** A mail that a killed process was sending is sent again when that process's claim has run out, after 15 s. */
const REST_TIMEOUT_MS = 60_000

/** Waits until nothing is under way: checkouts and cancellations finished, events delivered, messages sent. */
export async function untilAtRest(audit: Database): Promise<void> {
  const deadline = Date.now() + REST_TIMEOUT_MS
  for (;;) {
    const [left] = await audit.query<{
      checkouts: number
      cancellations: number
      events: number
      messages: number
    }>(
      `select
         (select count(*) from checkout.checkout
          where state not in ('completed', 'failed')
            and not (state = 'awaiting-payment' and lease_until > now() + interval '60 seconds')) as checkouts,
         (select count(*) from "order".orders where canceling) as cancellations,
         (select count(*) from "order".outbox where published_at is null)
           + (select count(*) from payment.outbox where published_at is null)
           + (select count(*) from inventory.outbox where published_at is null) as events,
         (select count(*) from notification.message where state in ('queued', 'sending')) as messages`,
      [],
    )
    if (left && left.checkouts + left.cancellations + left.events + left.messages === 0) return
    if (Date.now() > deadline)
      throw new Error(`not at rest after ${REST_TIMEOUT_MS} ms: ${JSON.stringify(left)}`)
    await sleep(100)
  }
}

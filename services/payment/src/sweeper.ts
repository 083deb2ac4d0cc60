import type { Sql } from '@storewright/postgres/sql'
import { type Loop, startLoop } from '@storewright/rpc/loop'
import { ProviderMismatch } from './merge.ts'
import { type ProviderTools, syncPayment } from './payment-page.ts'
import { sendRefund } from './provider-commands.ts'
import { ASK_AGAIN_SECONDS, type PaymentRow } from './store.ts'
import {
  claimWebhooks,
  type DueWebhook,
  finishWebhooks,
  paymentOfWebhook,
  postponeWebhooks,
} from './webhooks.ts'

const SWEEP_MS = 1_000
const WEBHOOKS_MAX = 16
/** The provider is asked by ordinary calls: a backlog is worked off at some ten per second. */
const PAYMENTS_MAX = 8
/** Webhooks whose payment the provider cannot be asked about wait 2, 4, 8 … seconds, at most five minutes. */
const WEBHOOK_DELAY_MAX_MS = 5 * 60_000

/**
 * Works off stored webhooks and asks the provider about payments that something is under way for: each minute, in every
 * process. So each payment finds its end, also when no webhook ever comes.
 */
export function startSweeper(tools: ProviderTools): Loop {
  return startLoop({
    everyMs: SWEEP_MS,
    work: () => sweep(tools),
    failed: error => tools.log.warn({ err: error }, 'the sweep of payments failed; it is tried again'),
  })
}

async function sweep(tools: ProviderTools): Promise<void> {
  for (;;) {
    const events = await claimWebhooks(tools.database, WEBHOOKS_MAX)
    await applyWebhooks(tools, events)
    if (events.length < WEBHOOKS_MAX) break
  }
  const due = await claimPayments(tools.database)
  await Promise.all(due.map(payment => askAbout(tools, payment)))
}

/** Whatever events say, they only make us ask, once for all of a payment: what the provider answers now is applied. */
async function applyWebhooks(tools: ProviderTools, events: readonly DueWebhook[]): Promise<void> {
  const about = new Map<string, { payment: PaymentRow | undefined; events: DueWebhook[] }>()
  for (const event of events) {
    const payment = await paymentOfWebhook(tools.database, event)
    const key = payment?.payment_id ?? event.event_id
    const known = about.get(key)
    if (known) known.events.push(event)
    else about.set(key, { payment, events: [event] })
  }
  await Promise.all([...about.values()].map(({ payment, events }) => apply(tools, payment, events)))
}

async function apply(
  tools: ProviderTools,
  payment: PaymentRow | undefined,
  events: readonly DueWebhook[],
): Promise<void> {
  const ids = events.map(event => event.event_id)
  try {
    if (payment) await syncPayment(tools, payment)
    await finishWebhooks(tools.database, ids)
  } catch (error) {
    const attempts = Math.max(...events.map(event => event.attempts))
    const delayMs = Math.min(WEBHOOK_DELAY_MAX_MS, 1000 * 2 ** Math.min(attempts, 20))
    const message = error instanceof Error ? error.message : String(error)
    tools.log.warn(
      { err: error, events: ids, paymentId: payment?.payment_id },
      'webhooks could not be applied',
    )
    await postponeWebhooks(tools.database, ids, delayMs, message).catch(() => {
      // The claim runs out by itself.
    })
  }
}

async function askAbout(tools: ProviderTools, payment: PaymentRow): Promise<void> {
  try {
    const current = await syncPayment(tools, payment)
    for (const refund of await unsentRefunds(tools.database, current))
      await sendRefund(tools, current, refund)
  } catch (error) {
    const say = error instanceof ProviderMismatch ? 'error' : 'warn'
    tools.log[say](
      { err: error, paymentId: payment.payment_id },
      'the provider could not be asked about a payment',
    )
  }
}

/** Refunds whose request may not have arrived: not among those that the provider knows, so asked for again. */
function unsentRefunds(sql: Sql, payment: PaymentRow) {
  return sql.query<{ refundId: `rfd_${string}`; amount: number }>(
    `select refund_id as "refundId", amount from refund
     where payment_id = $1 and state = 'pending' and provider_refund_id is null
       and created_at < now() - interval '30 seconds'`,
    [payment.payment_id],
  )
}

async function claimPayments(sql: Sql): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(
    `update payment set sweep_at = now() + interval '${ASK_AGAIN_SECONDS} seconds'
     where payment_id in (
       select payment_id from payment where sweep_at <= now() order by sweep_at limit ${PAYMENTS_MAX}
       for update skip locked
     )
     returning *`,
  )
}

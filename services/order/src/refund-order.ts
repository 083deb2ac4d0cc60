import { money } from '@storewright/kernel/money'
import type { Database } from '@storewright/postgres/sql'
import { systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { type Loop, startLoop } from '@storewright/rpc/loop'
import { isRefusal, refusalCode } from '@storewright/rpc/refusal'
import type { ClientsOf } from '@storewright/rpc/service'
import type { needs } from './cancellation.ts'
import { retryDelayMs } from './domain.ts'
import { claimRefunds, finishRefund, type OrderRefund, postponeRefund, refuseRefund } from './refund-store.ts'

export interface RefundTools {
  readonly needs: Pick<ClientsOf<typeof needs>, 'payment'>
  readonly database: Database
  readonly log: Logger
}

/** Staff wait for the first try; the payment provider takes up to 7 s. Shorter than the lease. */
const CALL_TIMEOUT_MS = 10_000
const SWEEP_MS = 1_000
const CLAIM_MAX = 8

/** What payment said no to; undefined when it did not, or could not be asked. */
export interface RefusedRefund {
  readonly code: string
  readonly data: unknown
}

/**
 * Asks payment for a refund that was decided, under a key of its own, so that asking again makes no second one. Without
 * an answer it stays pending, and the sweeper of any process asks again.
 */
export async function sendRefund(
  tools: RefundTools,
  refund: OrderRefund,
): Promise<RefusedRefund | undefined> {
  const { orderRefundId, paymentId, amount, currency, reason } = refund
  const context = { ...systemContext('order', CALL_TIMEOUT_MS), idempotencyKey: orderRefundId }
  try {
    const asked = { paymentId, amount: money(amount, currency), reason }
    const { refundId, state, failure } = await tools.needs.payment.refundPayment(asked, { context })
    if (state !== 'failed') {
      await finishRefund(tools.database, orderRefundId, refundId)
      return undefined
    }
    await refuseRefund(tools.database, refund)
    return { code: 'provider-refused', data: { reason: failure ?? 'it failed' } }
  } catch (error) {
    if (isRefusal(error)) {
      await refuseRefund(tools.database, refund)
      return { code: refusalCode(error) ?? 'provider-refused', data: error.data }
    }
    const attempt = refund.attempt + 1
    tools.log.warn({ err: error, orderRefundId, attempt }, 'payment could not be asked for a refund yet')
    // When the database is what failed, the lease runs out by itself.
    await postponeRefund(tools.database, orderRefundId, retryDelayMs(attempt)).catch(() => {})
    return undefined
  }
}

export function startRefundSweeper(tools: RefundTools): Loop {
  return startLoop({
    everyMs: SWEEP_MS,
    async work() {
      const claimed = await claimRefunds(tools.database, CLAIM_MAX)
      await Promise.all(claimed.map(refund => sendRefund(tools, refund)))
    },
    failed: err => tools.log.warn({ err }, 'the sweep of refunds failed; it is tried again'),
  })
}

import { inventoryContract } from '@storewright/inventory/contract'
import { paymentContract } from '@storewright/payment/contract'
import type { Sql } from '@storewright/postgres/sql'
import { systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { type Loop, startLoop } from '@storewright/rpc/loop'
import type { ClientsOf } from '@storewright/rpc/service'
import {
  type Cancellation,
  claimCancellations,
  finishCancellation,
  postponeCancellation,
} from './cancellation-store.ts'
import { retryDelayMs } from './domain.ts'

export const needs = { inventory: inventoryContract, payment: paymentContract }

export interface CancellationTools {
  readonly needs: ClientsOf<typeof needs>
  readonly database: Sql
  readonly log: Logger
}

/** Staff wait for the first try; a step of the payment provider takes up to 7 s. Shorter than the lease. */
const CALL_TIMEOUT_MS = 8_000

const SWEEP_MS = 1_000
/** The payment provider is asked by ordinary calls: a backlog is worked off at some ten per second. */
const CLAIM_MAX = 8

/**
 * What follows from a canceled order: its stock and its payment are given back, by calls that may be repeated. Never
 * rejects: what fails is tried again by the sweeper of any process. The checkout has one order, so all of it goes back.
 */
export async function followUp(tools: CancellationTools, cancellation: Cancellation): Promise<void> {
  const { orderId, checkoutId, paymentId } = cancellation
  const context = systemContext('order', CALL_TIMEOUT_MS)
  const results = await Promise.allSettled([
    tools.needs.inventory.cancelReservation({ reservationId: checkoutId }, { context }),
    tools.needs.payment.giveBackPayment({ paymentId }, { context }),
  ])
  const failures = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  try {
    if (failures.length === 0) return await finishCancellation(tools.database, orderId)
    const attempt = cancellation.attempt + 1
    for (const err of failures)
      tools.log.warn({ err, orderId, attempt }, 'a canceled order could not give everything back yet')
    await postponeCancellation(tools.database, orderId, retryDelayMs(attempt))
  } catch (err) {
    // The lease runs out by itself.
    tools.log.warn({ err, orderId }, 'how far a cancellation has come could not be recorded')
  }
}

/** Continues cancellations whose calls failed or whose process died, in every process. */
export function startSweeper(tools: CancellationTools): Loop {
  return startLoop({
    everyMs: SWEEP_MS,
    async work() {
      const claimed = await claimCancellations(tools.database, CLAIM_MAX)
      await Promise.all(claimed.map(cancellation => followUp(tools, cancellation)))
    },
    failed: err => tools.log.warn({ err }, 'the sweep of cancellations failed; it is tried again'),
  })
}

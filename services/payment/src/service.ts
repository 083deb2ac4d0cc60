import { money } from '@storewright/kernel/money'
import { isUniqueViolation } from '@storewright/postgres/errors'
import { createLane } from '@storewright/postgres/lane'
import type { Sql } from '@storewright/postgres/sql'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { paymentContract } from './contract.ts'
import { mayBecome, methodsFor, offeredMethod } from './domain.ts'
import {
  capture,
  insertAuthorizations,
  lockPayment,
  type NewAuthorization,
  paymentOf,
  voidAttempt,
} from './store.ts'

/** One statement's worth; at the measured rates a full batch takes about 10 ms. */
const LANE_ITEMS_MAX = 256

export const paymentService = defineService({
  name: 'payment',
  contract: paymentContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: ['payment'],
  hears: [],
  maxConnections: 3,
  start: async environment => start(environment),
})

function start({ database, eventsAppended }: ServiceEnvironment<Record<never, never>>): RunningService {
  const os = implement(paymentContract)
  const authorizations = createLane<
    NewAuthorization,
    Awaited<ReturnType<typeof insertAuthorizations>>[number]
  >({
    name: 'payment.authorize',
    maxItems: LANE_ITEMS_MAX,
    run: items => insertAuthorizations(database, items),
  })

  const router = os.router({
    listPaymentMethods: os.listPaymentMethods.handler(({ input }) => ({
      items: methodsFor(input.country).map(({ method, title, description }) => ({
        method,
        title,
        description,
      })),
    })),

    authorizePayment: os.authorizePayment.handler(async ({ input, errors }) => {
      const offered = offeredMethod(input.method, input.country)
      if (!offered) throw errors['method-not-offered']()
      const row = await authorizations
        .submit({
          checkoutId: input.checkoutId,
          attempt: input.attempt,
          method: input.method,
          onTerms: offered.onTerms,
          amount: input.amount.amount,
          currency: input.amount.currency,
        })
        .catch(error => {
          if (isUniqueViolation(error, 'payment_one_live_per_checkout'))
            throw errors['payment-state']({ data: { state: 'authorized' } })
          throw error
        })
      eventsAppended()
      if (row.state === 'voided') throw errors['payment-state']({ data: { state: row.state } })
      const same =
        row.amount === input.amount.amount &&
        row.currency === input.amount.currency &&
        row.method === input.method
      if (!same) throw errors['idempotency-key-reused']()
      return paymentOf(row)
    }),

    voidPayment: os.voidPayment.handler(async ({ input, errors }) => {
      const { state, changed } = await voidAttempt(database, input.checkoutId, input.attempt)
      if (state !== 'voided') throw errors['payment-state']({ data: { state } })
      if (changed) eventsAppended()
      return { voided: changed }
    }),

    recordPayment: os.recordPayment.handler(async ({ input, context, errors }) => {
      const record = async (sql: Sql) => {
        const payment = await lockPayment(sql, input.paymentId)
        if (!payment) throw errors['not-found']()
        if (payment.currency !== input.amount.currency || payment.amount !== input.amount.amount) {
          const due = money(payment.amount, payment.currency)
          const message = `must be the amount due, ${due.amount} ${due.currency} in minor units`
          throw errors['invalid-input']({ data: { errors: [{ field: 'amount', message }] } })
        }
        if (!mayBecome(payment.state, 'captured'))
          throw errors['payment-state']({ data: { state: payment.state } })
        return paymentOf((await capture(sql, input.paymentId)) ?? payment)
      }
      const payment = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'recordPayment', input }, () => record(sql)),
      )
      eventsAppended()
      return payment
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    stop: () => authorizations.close(),
  }
}

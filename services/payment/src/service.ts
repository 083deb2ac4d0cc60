import { money } from '@storewright/kernel/money'
import { isUniqueViolation } from '@storewright/postgres/errors'
import { createLane } from '@storewright/postgres/lane'
import type { Sql } from '@storewright/postgres/sql'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { paymentContract } from './contract.ts'
import { mayBecome, methodsFor } from './domain.ts'
import { giveBack } from './give-back.ts'
import { confirmIntent } from './payment-intent.ts'
import { closePage, openPage, type ProviderTools, syncPayment, voidProviderPayment } from './payment-page.ts'
import { beginRefund, capture, type Denied, sendRefund } from './provider-commands.ts'
import { readProviderConfig } from './provider-config.ts'
import { findRefund, showPayment } from './show-payment.ts'
import {
  findAttempt,
  findPayment,
  insertAuthorizations,
  lockPayment,
  type NewAuthorization,
  type PaymentRow,
  paymentOf,
  recordCapture,
  voidAttempt,
} from './store.ts'
import { ProviderRefusal } from './stripe.ts'
import { startSweeper } from './sweeper.ts'
import { deleteOldWebhooks, storeWebhook } from './webhooks.ts'

/** One statement's worth; at the measured rates a full batch takes about 10 ms. */
const LANE_ITEMS_MAX = 256

/** Beyond the thirty days in which the provider may send one again. */
const WEBHOOKS_KEPT_DAYS = 35
/** One statement's worth of row locks. */
const DELETE_MAX = 500

export const paymentService = defineService({
  name: 'payment',
  contract: paymentContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: ['payment', 'payment-attempt'],
  hears: [],
  maxConnections: 3,
  start: async environment => start(environment),
})

const os = implement(paymentContract)

function start(environment: ServiceEnvironment<Record<never, never>>): RunningService {
  const { database, config, log, eventsAppended } = environment
  const { stripe, captureOn } = readProviderConfig(config)
  const tools = stripe && { database, stripe, log, eventsAppended }
  const sweeper = tools && startSweeper(tools)
  const authorizations = createLane<
    NewAuthorization,
    Awaited<ReturnType<typeof insertAuthorizations>>[number]
  >({
    name: 'payment.authorize',
    maxItems: LANE_ITEMS_MAX,
    run: items => insertAuthorizations(database, items),
  })

  const router = os.router({
    ...manualOperations(environment, authorizations.submit, tools !== undefined),
    ...providerOperations(environment, tools, captureOn),
    ...staffOperations(environment, tools),

    receiveWebhook: os.receiveWebhook.handler(async ({ input, errors }) => {
      if (!tools || !sweeper) throw errors['not-found']()
      const event = await tools.stripe.verifyWebhook(input.body, input.signature).catch(cause => {
        log.warn({ err: cause }, 'a webhook was refused')
        throw errors['webhook-refused']()
      })
      const isNew = await storeWebhook(database, event)
      if (isNew) sweeper.wake()
      return { known: !isNew }
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    forget: async () =>
      (await deleteOldWebhooks(database, { days: WEBHOOKS_KEPT_DAYS, limit: DELETE_MAX })) === DELETE_MAX,
    async stop() {
      await sweeper?.stop()
      await authorizations.close()
    },
  }
}

type Environment = ServiceEnvironment<Record<never, never>>

/** Payments that the merchant collects himself. */
function manualOperations(
  { database, eventsAppended }: Environment,
  submit: (item: NewAuthorization) => Promise<PaymentRow>,
  offersCard: boolean,
) {
  return {
    listPaymentMethods: os.listPaymentMethods.handler(({ input }) => ({
      items: methodsFor(input.country, { card: offersCard }).map(({ method, title, description }) => ({
        method,
        title,
        description,
      })),
    })),

    authorizePayment: os.authorizePayment.handler(async ({ input, errors }) => {
      const { checkoutId, attempt, method, amount } = input
      // Nothing to pay is nothing to ask the provider for.
      const offers = methodsFor(input.country, { card: offersCard && amount.amount === 0 })
      const offered = offers.find(candidate => candidate.method === method)
      if (!offered) throw errors['method-not-offered']()
      const wanted = { checkoutId, attempt, method, onTerms: offered.onTerms, ...amount }
      const row = await submit(wanted).catch(error => {
        if (isUniqueViolation(error, 'payment_one_live_per_checkout'))
          throw errors['payment-state']({ data: { state: 'authorized' } })
        throw error
      })
      eventsAppended()
      if (row.state === 'voided') throw errors['payment-state']({ data: { state: row.state } })
      const isSame = row.amount === amount.amount && row.currency === amount.currency && row.method === method
      if (!isSame) throw errors['idempotency-key-reused']()
      return paymentOf(row)
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
        if (payment.provider !== 'manual' || !mayBecome(payment.state, 'captured'))
          throw errors['payment-state']({ data: { state: payment.state } })
        return paymentOf(await recordCapture(sql, payment))
      }
      const payment = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'recordPayment', input }, () => record(sql)),
      )
      eventsAppended()
      return payment
    }),
  }
}

/** Payments through the provider, for checkout's saga. */
function providerOperations(
  { database, eventsAppended }: Environment,
  tools: ProviderTools | undefined,
  captureOn: 'placement' | 'shipment',
) {
  const ask = (row: PaymentRow, question: (tools: ProviderTools, row: PaymentRow) => Promise<PaymentRow>) => {
    if (row.provider === 'manual') return row
    if (!tools) throw new Error(`payment ${row.payment_id} is at a provider that is not configured any more`)
    return question(tools, row)
  }
  return {
    openPaymentPage: os.openPaymentPage.handler(async ({ input, errors }) => {
      if (!tools) throw errors['method-not-offered']()
      const { checkoutId, attempt, amount, email, returnUrl, leaveUrl } = input
      const lines = input.lines.map(({ unitPrice, ...line }) => ({ ...line, unitAmount: unitPrice.amount }))
      const request = { email, lines, returnUrl, leaveUrl }
      const row = await openPage(tools, { checkoutId, attempt, ...amount, request }).catch(error => {
        if (error instanceof ProviderRefusal)
          throw errors['provider-refused']({ data: { reason: error.message } })
        throw error
      })
      const page = pageOf(row)
      if (row.state === 'voided' || !page) throw errors['payment-state']({ data: { state: row.state } })
      return { payment: paymentOf(row), page, captureOn }
    }),

    confirmPayment: os.confirmPayment.handler(async ({ input, errors }) => {
      if (!tools) throw errors['method-not-offered']()
      const { checkoutId, attempt, amount, paymentToken, returnUrl } = input
      const request = { paymentToken, returnUrl }
      const row = await confirmIntent(tools, { checkoutId, attempt, ...amount, request }).catch(error => {
        if (error instanceof ProviderRefusal)
          throw errors['provider-refused']({ data: { reason: error.message } })
        throw error
      })
      if (row.decline) throw errors['payment-declined']({ data: row.decline })
      if (row.state === 'voided') throw errors['payment-state']({ data: { state: row.state } })
      return { payment: paymentOf(row), page: row.state === 'pending' ? pageOf(row) : null, captureOn }
    }),

    syncPayment: os.syncPayment.handler(async ({ input, errors }) => {
      const row = await findAttempt(database, input.checkoutId, input.attempt)
      if (!row) throw errors['not-found']()
      return attemptOf(await ask(row, syncPayment))
    }),

    closePaymentPage: os.closePaymentPage.handler(async ({ input, errors }) => {
      const row = await findAttempt(database, input.checkoutId, input.attempt)
      if (!row) throw errors['not-found']()
      return attemptOf(await ask(row, closePage))
    }),

    voidPayment: os.voidPayment.handler(async ({ input, errors }) => {
      const { checkoutId, attempt } = input
      const row = await findAttempt(database, checkoutId, attempt)
      if (row?.provider === 'stripe') {
        const { state } = await ask(row, voidProviderPayment)
        if (state !== 'voided') throw errors['payment-state']({ data: { state } })
        return { voided: row.state !== 'voided' }
      }
      const { state, changed } = await voidAttempt(database, checkoutId, attempt)
      if (state !== 'voided') throw errors['payment-state']({ data: { state } })
      if (changed) eventsAppended()
      return { voided: changed }
    }),

    giveBackPayment: os.giveBackPayment.handler(async ({ input, errors }) => {
      const row = await findPayment(database, input.paymentId)
      if (!row) throw errors['not-found']()
      if (row.provider !== 'manual') return paymentOf(await ask(row, giveBack))
      const { changed } = await voidAttempt(database, row.checkout_id, row.attempt)
      if (changed) eventsAppended()
      return paymentOf((await findPayment(database, input.paymentId)) ?? row)
    }),
  }
}

function pageOf({ page_url: url, page_expires_at: expiresAt }: PaymentRow) {
  return url && expiresAt ? { url, expiresAt: expiresAt.toISOString() } : null
}

function attemptOf(row: PaymentRow) {
  return { ...paymentOf(row), decline: row.decline }
}

function staffOperations({ database, eventsAppended }: Environment, tools: ProviderTools | undefined) {
  return {
    getPayment: os.getPayment.handler(async ({ input, errors }) => {
      const shown = await showPayment(database, input.paymentId)
      if (!shown) throw errors['not-found']()
      return shown
    }),

    capturePayment: os.capturePayment.handler(async ({ input, errors }) => {
      const { paymentId, amount } = input
      const payment = await findPayment(database, paymentId)
      if (!payment) throw errors['not-found']()
      if (amount && amount.currency !== payment.currency)
        throw errors['invalid-input'](field('amount.currency', `must be ${payment.currency}`))
      if (!tools) throw errors['payment-state']({ data: { state: payment.state } })
      const outcome = await capture(tools, paymentId, amount?.amount)
      if (!('denied' in outcome)) return paymentOf(outcome)
      throw refuse(outcome, errors)
    }),

    refundPayment: os.refundPayment.handler(async ({ input, context, errors }) => {
      const { paymentId, reason } = input
      const begin = async (sql: Sql) => {
        const begun = await beginRefund(sql, { paymentId, reason, ...input.amount })
        if ('denied' in begun) throw refuse(begun, errors)
        return begun
      }
      const { refundId } = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'refundPayment', input }, () => begin(sql)),
      )
      eventsAppended()
      const [payment, refund] = await Promise.all([
        findPayment(database, paymentId),
        findRefund(database, refundId),
      ])
      if (!tools || !payment || payment.provider === 'manual' || refund.state !== 'pending') return refund
      const refused = await sendRefund(tools, payment, { refundId, amount: input.amount.amount })
      if (refused !== undefined) throw errors['provider-refused']({ data: { reason: refused } })
      return findRefund(database, refundId)
    }),
  }
}

interface Refusals {
  readonly 'not-found': () => Error
  readonly 'payment-state': (parts: { data: { state: string } }) => Error
  readonly 'invalid-input': (parts: ReturnType<typeof field>) => Error
}

function refuse(outcome: Denied, errors: Refusals): Error {
  switch (outcome.denied) {
    case 'not-found':
      return errors['not-found']()
    case 'payment-state':
      return errors['payment-state']({ data: { state: outcome.state } })
    case 'amount':
      return errors['invalid-input'](field('amount', outcome.message))
  }
}

function field(name: string, message: string) {
  return { data: { errors: [{ field: name, message }] } }
}

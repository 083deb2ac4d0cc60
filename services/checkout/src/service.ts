import { ORPCError } from '@orpc/server'
import { listDeadLetters, retryDeadLetter } from '@storewright/events/dead-letter'
import { consumeEvents } from '@storewright/events/inbox'
import { principalOf } from '@storewright/kernel/actor'
import { attemptEndedSchema } from '@storewright/payment/contract'
import { createLane } from '@storewright/postgres/lane'
import type { Sql } from '@storewright/postgres/sql'
import type { CallContext } from '@storewright/rpc/context'
import { implement } from '@storewright/rpc/implement'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { checkoutContract } from './contract.ts'
import type { Failure } from './domain.ts'
import { leave, pay, resume } from './pay.ts'
import { makeQuote, needs, type QuoteRefusal } from './quote.ts'
import type { SagaTools } from './saga.ts'
import {
  type Advance,
  advanceCheckouts,
  type Checkout,
  deleteFailed,
  findCheckout,
  makeDue,
} from './store.ts'
import { startSweeper } from './sweeper.ts'

/**
 * A client repeats its payment within two days, and support is asked within a week. Until then the same key answers the
 * same failure; orders keep theirs for ever.
 */
const FAILED_KEPT_DAYS = 7
/** One statement's worth of row locks. */
const DELETE_MAX = 500

/** One statement's worth of saga steps. */
const LANE_ITEMS_MAX = 256

export const checkoutService = defineService({
  name: 'checkout',
  contract: checkoutContract,
  needs,
  migrations: new URL('../migrations/', import.meta.url),
  publishes: [],
  hears: ['payment-attempt'],
  maxConnections: 6,
  start: async environment => start(environment),
})

function start(environment: ServiceEnvironment<typeof needs>): RunningService {
  const { database, needs: clients, clock, log, publicUrl } = environment
  const advances = createLane<Advance, Checkout | undefined>({
    name: 'checkout.advance',
    maxItems: LANE_ITEMS_MAX,
    run: items => advanceCheckouts(database, items),
  })
  const tools: SagaTools = { needs: clients, database, advances, log, publicUrl }
  const sweeper = startSweeper(tools)
  const os = implement(checkoutContract)

  const router = os.router({
    quoteCheckout: os.quoteCheckout.handler(async ({ input, context }) => {
      const made = await makeQuote(clients, context, input, clock.now())
      if ('code' in made) throw quoteRefusal(made)
      return made.quote
    }),

    pay: os.pay.handler(async ({ input, context, errors }) => {
      const outcome = await pay(tools, context, input, clock.now()).catch(nameAddressField)
      switch (outcome.kind) {
        case 'checkout':
          if (outcome.checkout.failure && outcome.checkout.state === 'failed')
            throw storedRefusal(outcome.checkout.failure)
          return checkoutOf(outcome.checkout)
        case 'refused':
          throw quoteRefusal(outcome.refusal)
        case 'total-changed':
          throw errors['total-changed']({ data: { quote: outcome.made.quote } })
        case 'in-progress':
          throw errors['checkout-in-progress']({ data: { checkoutId: outcome.checkoutId } })
        case 'key-reused':
          throw errors['idempotency-key-reused']()
        case 'too-many':
          throw errors['too-many-open-checkouts']()
        case 'method-not-offered':
          throw errors['method-not-offered']()
      }
    }),

    getCheckout: os.getCheckout.handler(async ({ input, context, errors }) => {
      const checkout = await findCheckout(database, input.checkoutId)
      if (!checkout || !mayRead(context, checkout)) throw errors['not-found']()
      return checkoutOf(checkout)
    }),

    resumeCheckout: os.resumeCheckout.handler(async ({ input, context, errors }) => {
      const checkout = await findCheckout(database, input.checkoutId)
      if (!checkout || !mayRead(context, checkout)) throw errors['not-found']()
      return checkoutOf((await resume(tools, checkout)) ?? checkout)
    }),

    leaveCheckout: os.leaveCheckout.handler(async ({ input, context, errors }) => {
      const checkout = await findCheckout(database, input.checkoutId)
      if (!checkout || !mayRead(context, checkout)) throw errors['not-found']()
      return checkoutOf((await leave(tools, checkout)) ?? checkout)
    }),

    listDeadLetters: os.listDeadLetters.handler(async () => ({ items: await listDeadLetters(database) })),

    retryDeadLetter: os.retryDeadLetter.handler(async ({ input, errors }) => {
      const retried = await retryDeadLetter(database, HANDLERS, input.eventId)
      if (!retried) throw errors['not-found']()
      sweeper.wake()
      return retried
    }),

    receiveEvents: os.receiveEvents.handler(async ({ input }) => {
      await consumeEvents(database, HANDLERS, input.events).finally(() => sweeper.wake())
      return {}
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    forget: async () =>
      (await deleteFailed(database, { days: FAILED_KEPT_DAYS, limit: DELETE_MAX })) === DELETE_MAX,
    async stop() {
      await sweeper.stop()
      await advances.close()
    },
  }
}

/** What an attempt's end means is decided by the saga, which asks for it; hearing of it only makes that sooner. */
const HANDLERS = {
  'payment-attempt': {
    'attempt.ended': async (sql: Sql, events: readonly { payload: unknown }[]) =>
      makeDue(
        sql,
        events.map(({ payload }) => attemptEndedSchema.parse(payload).checkoutId),
      ),
  },
}

function mayRead(context: CallContext, checkout: Checkout): boolean {
  const { actor } = context
  if (actor.kind === 'staff' || actor.kind === 'system') return true
  return actor.kind === 'guest' && checkout.owner === principalOf(actor)
}

function checkoutOf(checkout: Checkout) {
  const { checkoutId, state, orders, failure } = checkout
  const { cartId: _cartId, quoteHash: _quoteHash, paymentToken: _token, ...request } = checkout.request
  return {
    checkoutId,
    marketId: checkout.quote.marketId,
    state,
    paymentPage: state === 'awaiting-payment' ? (checkout.payment?.page ?? null) : null,
    request,
    orders: [...orders],
    failure: failure && { code: failure.code, detail: failure.detail },
  }
}

/** A quote's refusal as declared in the contract; data only where the refusal has some. */
function quoteRefusal(refusal: QuoteRefusal): ORPCError<string, unknown> {
  const errors = checkoutContract.pay['~orpc'].errorMap
  const { code, ...data } = refusal
  const declared = errors[code]
  return new ORPCError<string, unknown>(code, {
    status: declared.status,
    message: declared.message,
    ...(Object.keys(data).length > 0 ? { data } : {}),
  })
}

/** What a checkout failed of, answered again for the same Idempotency-Key. */
function storedRefusal(failure: Failure): ORPCError<string, unknown> {
  const declared = Object.entries(checkoutContract.pay['~orpc'].errorMap).find(
    ([code]) => code === failure.code,
  )
  return new ORPCError(failure.code, {
    status: declared?.[1]?.status ?? 409,
    message: failure.detail,
    data: failure.data,
  })
}

/** Pricing speaks of `country`; in this request it stands in the shipping address. */
function nameAddressField(error: unknown): never {
  const data =
    error instanceof ORPCError ? (error.data as { errors?: { field: string; message: string }[] }) : undefined
  if (error instanceof ORPCError && data?.errors)
    throw new ORPCError(error.code, {
      status: error.status,
      message: error.message,
      data: {
        errors: data.errors.map(({ field, message }) => ({
          field: field === 'country' ? 'shippingAddress.country' : field,
          message,
        })),
      },
    })
  throw error
}

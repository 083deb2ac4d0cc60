import { ORPCError } from '@orpc/server'
import { listDeadLetters, retryDeadLetter } from '@storewright/events/dead-letter'
import { consumeEvents } from '@storewright/events/inbox'
import { principalOf } from '@storewright/kernel/actor'
import { type Id, isId } from '@storewright/kernel/ids'
import { money } from '@storewright/kernel/money'
import { decodeCursor, encodeCursor } from '@storewright/kernel/paging'
import { paymentEventSchema } from '@storewright/payment/contract'
import { createLane } from '@storewright/postgres/lane'
import type { Sql } from '@storewright/postgres/sql'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { followUp, needs, startSweeper } from './cancellation.ts'
import { decideCancellation } from './cancellation-store.ts'
import { orderContract } from './contract.ts'
import { paymentStatusAfter } from './domain.ts'
import { orderOf } from './order-row.ts'
import { type RefusedRefund, sendRefund, startRefundSweeper } from './refund-order.ts'
import { decideRefund, findOrderRefund, type OrderRefund } from './refund-store.ts'
import {
  findOrder,
  insertOrders,
  listOrderRows,
  type NewOrder,
  type PlacedOrder,
  setPaymentStatus,
} from './store.ts'

/** One transaction's worth of orders. */
const LANE_ITEMS_MAX = 128

export const orderService = defineService({
  name: 'order',
  contract: orderContract,
  needs,
  migrations: new URL('../migrations/', import.meta.url),
  publishes: ['order'],
  hears: ['payment'],
  maxConnections: 4,
  start: async environment => start(environment),
})

function start(environment: ServiceEnvironment<typeof needs>): RunningService {
  const { database, publicUrl, eventsAppended } = environment
  const sweepers = [startSweeper(environment), startRefundSweeper(environment)]
  const links = environment.signer('order-link')
  const os = implement(orderContract)
  const trackingUrl = (orderId: string) => `${publicUrl}/orders/${orderId}?token=${links.sign(orderId)}`
  const placements = createLane<NewOrder, PlacedOrder>({
    name: 'order.place',
    maxItems: LANE_ITEMS_MAX,
    run: items => insertOrders(database, items, trackingUrl),
  })

  const router = os.router({
    placeOrder: os.placeOrder.handler(async ({ input }) => {
      const placed = await placements.submit(input)
      eventsAppended()
      return { orders: [{ ...placed, trackingToken: links.sign(placed.orderId) }] }
    }),

    getOrder: os.getOrder.handler(async ({ input, context, errors }) => {
      const found = await findOrder(database, input.orderId)
      const byLink = input.token !== undefined && links.verify(input.token) === input.orderId
      const byActor =
        context.actor.kind === 'staff' ||
        context.actor.kind === 'system' ||
        (context.actor.kind === 'guest' && found?.owner === principalOf(context.actor))
      // The same answer for what is not there and what is not yours: order ids cannot be probed.
      if (!found || !(byLink || byActor)) throw errors['not-found']()
      return found.order
    }),

    listOrders: os.listOrders.handler(async ({ input, errors }) => {
      const before = input.cursor === undefined ? null : beforeOf(input.cursor)
      if (before === undefined)
        throw errors['invalid-input']({
          data: { errors: [{ field: 'cursor', message: 'is not a cursor of this list' }] },
        })
      const rows = await listOrderRows(database, {
        status: input.status ?? null,
        before,
        limit: input.limit + 1,
      })
      const page = rows.slice(0, input.limit)
      const last = page.at(-1)
      return {
        items: page.map(orderOf),
        nextCursor: rows.length > input.limit && last ? encodeCursor([last.order_id]) : null,
      }
    }),

    cancelOrder: os.cancelOrder.handler(async ({ input, errors }) => {
      const cancellation = await decideCancellation(database, input)
      if (cancellation) {
        eventsAppended()
        await followUp(environment, cancellation)
      }
      const found = await findOrder(database, input.orderId)
      if (!found) throw errors['not-found']()
      const { status, fulfillmentStatus } = found.order
      if (status !== 'canceled') throw errors['order-state']({ data: { status, fulfillmentStatus } })
      return found.order
    }),

    refundOrder: os.refundOrder.handler(async ({ input, context, errors }) => {
      const { orderId, lines = [], shipping = false, amount, reason } = input
      const decide = async (sql: Sql) => {
        const decided = await decideRefund(sql, { orderId, lines, shipping, amount, reason })
        if (!('denied' in decided)) return { orderRefundId: decided.orderRefundId }
        if (decided.denied === 'not-found') throw errors['not-found']()
        if (decided.denied === 'payment-state')
          throw errors['payment-state']({ data: { state: decided.state } })
        const { field, message } = decided
        throw errors['invalid-input']({ data: { errors: [{ field, message }] } })
      }
      const { orderRefundId } = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'refundOrder', input }, () => decide(sql)),
      )
      const decided = await findOrderRefund(database, orderRefundId)
      const refused = decided?.state === 'pending' ? await sendRefund(environment, decided) : undefined
      if (refused) throw refusalOf(refused)
      const refund = await findOrderRefund(database, orderRefundId)
      if (!refund) throw new Error(`refund ${orderRefundId} is gone`)
      return orderRefundOf(refund)
    }),

    receiveEvents: os.receiveEvents.handler(async ({ input }) => {
      await consumeEvents(database, HANDLERS, input.events)
      eventsAppended()
      return {}
    }),

    listDeadLetters: os.listDeadLetters.handler(async () => ({ items: await listDeadLetters(database) })),

    retryDeadLetter: os.retryDeadLetter.handler(async ({ input, errors }) => {
      const retried = await retryDeadLetter(database, HANDLERS, input.eventId)
      if (!retried) throw errors['not-found']()
      eventsAppended()
      return retried
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    async stop() {
      await Promise.all(sweepers.map(sweeper => sweeper.stop()))
      await placements.close()
    },
  }
}

/** `payment.authorized` needs nothing here: the order that the payment is for is placed after it. */
const HANDLERS = {
  payment: {
    'payment.captured': applyPayments,
    'payment.capture-failed': applyPayments,
    'payment.refunded': applyPayments,
    'payment.voided': applyPayments,
  },
}

async function applyPayments(sql: Sql, events: readonly { payload: unknown }[]): Promise<void> {
  for (const { payload } of events) {
    const payment = paymentEventSchema.parse(payload)
    const status = paymentStatusAfter(payment)
    if (status) await setPaymentStatus(sql, payment.paymentId, status)
  }
}

function orderRefundOf({ paymentId: _, attempt: __, amount, currency, createdAt, ...refund }: OrderRefund) {
  return {
    ...refund,
    lines: [...refund.lines],
    amount: money(amount, currency),
    createdAt: createdAt.toISOString(),
  }
}

/** Payment's refusal as this contract declares it. */
function refusalOf({ code, data }: RefusedRefund): ORPCError<string, unknown> {
  const declared = Object.entries(orderContract.refundOrder['~orpc'].errorMap).find(
    ([known]) => known === code,
  )
  if (!declared) throw new Error(`payment refused a refund with ${code}, which refundOrder does not declare`)
  const [, { status, message }] = declared
  return new ORPCError<string, unknown>(code, { status, message, data })
}

function beforeOf(cursor: string): Id<'order'> | undefined {
  const [orderId] = decodeCursor(cursor, 1) ?? []
  return typeof orderId === 'string' && isId('order', orderId) ? orderId : undefined
}

import { listDeadLetters, retryDeadLetter } from '@storewright/events/dead-letter'
import { consumeEvents, type EventHandlers } from '@storewright/events/inbox'
import { type Id, isId, newId } from '@storewright/kernel/ids'
import { decodeCursor, encodeCursor } from '@storewright/kernel/paging'
import { orderPlacedSchema } from '@storewright/order/contract'
import type { Sql } from '@storewright/postgres/sql'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { notificationContract } from './contract.ts'
import { confirmationSubject, renderOrderConfirmation } from './order-confirmation.ts'
import { type Sender, startSender } from './sender.ts'
import {
  deleteSent,
  insertMessages,
  listMessageRows,
  type MessageRow,
  type NewMessage,
  requeueMessage,
} from './store.ts'
import { createMailTransport, domainOf, senderName } from './transport.ts'

export const notificationService = defineService({
  name: 'notification',
  contract: notificationContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: [],
  hears: ['order'],
  maxConnections: 3,
  start: async environment => start(environment),
})

/** Where mail comes from when nothing is configured; `.example` can be nobody's (RFC 2606). */
const DEFAULT_FROM = 'Storewright <orders@shop.example>'

/**
 * Staff send a confirmation again when a customer has lost it: within a season, if ever. Failed ones stay until staff
 * has dealt with them. The event that asked for the mail is known for ever, so none is written a second time.
 */
const SENT_KEPT_DAYS = 90
/** One statement's worth of row locks. */
const DELETE_MAX = 500

function start(environment: ServiceEnvironment<Record<never, never>>): RunningService {
  const { database, config } = environment
  const from = config.MAIL_FROM ?? DEFAULT_FROM
  const shopName = senderName(from)
  const sender = startSending(environment, from)
  const os = implement(notificationContract)
  const handlers: EventHandlers = {
    order: {
      'order.placed': (sql, events) =>
        insertMessages(
          sql,
          events.map(event => confirmationOf(event.payload, shopName)),
        ),
    },
  }

  const router = os.router({
    listMessages: os.listMessages.handler(async ({ input, errors }) => {
      const before = input.cursor === undefined ? null : beforeOf(input.cursor)
      if (before === undefined)
        throw errors['invalid-input']({
          data: { errors: [{ field: 'cursor', message: 'is not a cursor of this list' }] },
        })
      const rows = await listMessageRows(database, {
        state: input.state ?? null,
        before,
        limit: input.limit + 1,
      })
      const page = rows.slice(0, input.limit)
      const last = page.at(-1)
      return {
        items: page.map(messageOf),
        nextCursor: rows.length > input.limit && last ? encodeCursor([last.id]) : null,
      }
    }),

    resendMessage: os.resendMessage.handler(async ({ input, context, errors }) => {
      const resend = async (sql: Sql) => {
        const row = await requeueMessage(sql, input.messageId)
        if (!row) throw errors['not-found']()
        return messageOf(row)
      }
      const message = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'resendMessage', input }, () => resend(sql)),
      )
      sender.wake()
      return message
    }),

    receiveEvents: os.receiveEvents.handler(async ({ input }) => {
      // Also after a rejection: the events that passed have been committed.
      await consumeEvents(database, handlers, input.events).finally(() => sender.wake())
      return {}
    }),

    listDeadLetters: os.listDeadLetters.handler(async () => ({ items: await listDeadLetters(database) })),

    retryDeadLetter: os.retryDeadLetter.handler(async ({ input, errors }) => {
      const retried = await retryDeadLetter(database, handlers, input.eventId)
      if (!retried) throw errors['not-found']()
      sender.wake()
      return retried
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    forget: async () =>
      (await deleteSent(database, { days: SENT_KEPT_DAYS, limit: DELETE_MAX })) === DELETE_MAX,
    stop: () => sender.stop(),
  }
}

function startSending(environment: ServiceEnvironment<Record<never, never>>, from: string): Sender {
  const { database, config, publicUrl, log } = environment
  const url = config.SMTP_URL
  if (!url) throw new RangeError('SMTP_URL is not set: the notification service has nowhere to send mail')
  const domain = domainOf(from)
  const shop = { name: senderName(from), url: publicUrl, paymentDetails: config.INVOICE_PAYMENT_DETAILS }
  return startSender({
    database,
    transport: createMailTransport(url, from),
    domain,
    render: message => renderOrderConfirmation(orderPlacedSchema.parse(message.payload), shop),
    log,
  })
}

/** Throws when the payload is not what the order service's contract says; the event is then set aside. */
function confirmationOf(payload: unknown, shopName: string): NewMessage {
  const placed = orderPlacedSchema.parse(payload)
  return {
    id: newId('message'),
    kind: 'order-confirmation',
    recipient: placed.order.email,
    subject: confirmationSubject(placed.order, shopName),
    aboutId: placed.order.orderId,
    payload: placed,
  }
}

function messageOf(row: MessageRow) {
  return {
    messageId: row.id,
    kind: row.kind,
    channel: row.channel,
    to: row.recipient,
    subject: row.subject,
    aboutId: row.about_id,
    state: row.state,
    attempts: row.attempts,
    lastError: row.last_error,
    createdAt: row.created_at.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
  }
}

function beforeOf(cursor: string): Id<'message'> | undefined {
  const [id] = decodeCursor(cursor, 1) ?? []
  return typeof id === 'string' && isId('message', id) ? id : undefined
}

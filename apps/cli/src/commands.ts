import { storeContract } from '@storewright/gateway/store-contract'
import { parseAmount, showMoney } from './amount.ts'
import { ApiProblem, type Connection, callOperation, UsageError } from './api.ts'
import { captureText, paymentText } from './payment-text.ts'
import { formatFields, formatTable } from './table.ts'

/** What a command shows: `json` for programs, `text` for people, `more` when a list goes on. */
export interface Shown {
  readonly json: unknown
  readonly text: string
  readonly more?: string | null
}

export interface Command {
  readonly usage: string
  readonly summary: string
  /** How many words must follow the command's name. */
  readonly words: number
  readonly options?: readonly string[]
  run(connection: Connection, words: string[], options: Readonly<Record<string, string>>): Promise<Shown>
}

const PAGE = ['limit', 'cursor'] as const

/** Everything but `login` and `help`, which need no key. By name. */
export const commands: Readonly<Record<string, Command>> = {
  'orders list': {
    usage: 'orders list [--status open|canceled|completed] [--limit n] [--cursor c]',
    summary: 'Orders, newest first',
    words: 0,
    options: ['status', ...PAGE],
    async run(connection, _, options) {
      const page = await callOperation(connection, storeContract.order.listOrders, options as never)
      const heads = ['NUMBER', 'ORDER', 'PLACED', 'STATUS', 'PAYMENT', 'FULFILLMENT', 'TOTAL', 'EMAIL']
      const rows = page.items.map(order => [
        order.number,
        order.orderId,
        order.placedAt,
        order.status,
        order.paymentStatus,
        order.fulfillmentStatus,
        showMoney(order.totals.total),
        order.email,
      ])
      return { json: page, text: formatTable(heads, rows), more: page.nextCursor }
    },
  },
  'orders show': {
    usage: 'orders show <orderId>',
    summary: 'One order with its lines and payment id',
    words: 1,
    async run(connection, [orderId = '']) {
      const order = await callOperation(connection, storeContract.order.getOrder, { orderId })
      const lines = order.lines.map(line => [
        line.sku,
        `${line.title} ${line.variantTitle}`.trim(),
        line.quantity,
        showMoney(line.unitPrice),
        showMoney(line.total),
      ])
      const address = order.shippingAddress
      const fields = {
        number: order.number,
        order: order.orderId,
        placed: order.placedAt,
        status: `${order.status}, payment ${order.paymentStatus}, ${order.fulfillmentStatus}`,
        payment: `${order.payment.paymentId} by ${order.payment.method}`,
        email: order.email,
        'ship to': [address.fullName, address.line1, address.postalCode, address.city, address.country].join(
          ', ',
        ),
        shipping: `${order.shipping.title}, ${showMoney(order.totals.shipping)}`,
        total: showMoney(order.totals.total),
      }
      const table = formatTable(['SKU', 'TITLE', 'QUANTITY', 'EACH', 'TOTAL'], lines)
      return { json: order, text: `${formatFields(fields)}\n\n${table}` }
    },
  },
  'orders cancel': {
    usage: 'orders cancel <orderId> --reason <text>',
    summary: 'Cancel an order of which nothing has been shipped; stock and payment are given back',
    words: 1,
    options: ['reason'],
    async run(connection, [orderId = ''], options) {
      const input = { orderId, reason: needed(options, 'reason') }
      const order = await callOperation(connection, storeContract.order.cancelOrder, input)
      return {
        json: order,
        text: `${order.number} is ${order.status}, payment ${order.paymentStatus}`,
      }
    },
  },
  'orders capture': {
    usage: 'orders capture <orderId> [--amount 12.50]',
    summary: 'Take the authorized money of an order; of a part, the rest is given up',
    words: 1,
    options: ['amount'],
    async run(connection, [orderId = ''], { amount }) {
      const order = await callOperation(connection, storeContract.order.getOrder, { orderId })
      const part = amount === undefined ? {} : { amount: parseAmount(amount, order.currency) }
      const { paymentId } = order.payment
      const input = { paymentId, ...part }
      const payment = await callOperation(connection, storeContract.payment.capturePayment, input)
      return { json: payment, text: captureText(payment) }
    },
  },
  'orders refund': {
    usage:
      'orders refund <orderId> --reason <text> [--lines LAMP-OAK:1,VASE:2] [--shipping yes] [--amount 12.50]',
    summary: 'Give money back for pieces of lines and shipping, or an amount of your own',
    words: 1,
    options: ['reason', 'lines', 'shipping', 'amount'],
    async run(connection, [orderId = ''], options) {
      const order = await callOperation(connection, storeContract.order.getOrder, { orderId })
      const input = {
        orderId,
        reason: needed(options, 'reason'),
        ...(options.lines && { lines: piecesOf(options.lines, order.lines) }),
        ...(options.shipping && { shipping: options.shipping === 'yes' }),
        ...(options.amount && { amount: parseAmount(options.amount, order.currency) }),
      }
      const refund = await callOperation(connection, storeContract.order.refundOrder, input)
      return { json: refund, text: `${refund.orderRefundId} is ${refund.state}: ${showMoney(refund.amount)}` }
    },
  },
  'payments record': {
    usage: 'payments record <paymentId> <amount> <currency>',
    summary: 'An invoice or cash on delivery was paid: payments record pay_… 182.90 EUR',
    words: 3,
    async run(connection, [paymentId = '', amount = '', currency = '']) {
      const input = { paymentId, amount: parseAmount(amount, currency) }
      const payment = await callOperation(connection, storeContract.payment.recordPayment, input)
      return { json: payment, text: `${payment.paymentId} is ${payment.state}: ${showMoney(payment.amount)}` }
    },
  },
  'payments show': {
    usage: 'payments show <paymentId>',
    summary: 'One payment with its refunds, disputes, ledger and calls to the provider',
    words: 1,
    async run(connection, [paymentId = '']) {
      const payment = await callOperation(connection, storeContract.payment.getPayment, { paymentId })
      return { json: payment, text: paymentText(payment) }
    },
  },
  'payments capture': {
    usage: 'payments capture <paymentId> [--amount 12.50]',
    summary: 'Take authorized money; of a part, the rest is given up',
    words: 1,
    options: ['amount'],
    async run(connection, [paymentId = ''], { amount }) {
      const { payment: operations } = storeContract
      const { currency } = (await callOperation(connection, operations.getPayment, { paymentId })).amount
      const part = amount === undefined ? {} : { amount: parseAmount(amount, currency) }
      const payment = await callOperation(connection, operations.capturePayment, { paymentId, ...part })
      return { json: payment, text: captureText(payment) }
    },
  },
  'payments refund': {
    usage: 'payments refund <paymentId> <amount> <currency> --reason <text>',
    summary: 'Give money back: payments refund pay_… 12.50 EUR --reason damaged',
    words: 3,
    options: ['reason'],
    async run(connection, [paymentId = '', amount = '', currency = ''], options) {
      const input = { paymentId, amount: parseAmount(amount, currency), reason: needed(options, 'reason') }
      const refund = await callOperation(connection, storeContract.payment.refundPayment, input)
      return { json: refund, text: `${refund.refundId} is ${refund.state}: ${showMoney(refund.amount)}` }
    },
  },
  'products price': {
    usage: 'products price <sku> <amount> <currency>',
    summary: "Set a variant's price: products price LAMP-OAK 89.00 EUR",
    words: 3,
    async run(connection, [sku = '', amount = '', currency = '']) {
      const input = { sku, price: parseAmount(amount, currency) }
      const set = await callOperation(connection, storeContract.product.setVariantPrice, input)
      return { json: set, text: `${set.sku} costs ${showMoney(set.price)}` }
    },
  },
  'stock list': {
    usage: 'stock list [--sku s] [--limit n] [--cursor c]',
    summary: 'Stock by SKU and location',
    words: 0,
    options: ['sku', ...PAGE],
    async run(connection, _, options) {
      const page = await callOperation(connection, storeContract.inventory.listStock, options as never)
      const rows = page.items.map(stockRow)
      return { json: page, text: formatTable(STOCK_HEADS, rows), more: page.nextCursor }
    },
  },
  'stock receive': {
    usage: 'stock receive <sku> <location> <quantity> --reference <delivery note>',
    summary: 'Goods arrived; the same reference is booked once',
    words: 3,
    options: ['reference'],
    async run(connection, [sku = '', location = '', quantity = ''], options) {
      const input = {
        lines: [{ sku, location, quantity: wholeNumber(quantity) }],
        reference: needed(options, 'reference'),
      }
      const done = await callOperation(connection, storeContract.inventory.receiveStock, input)
      const text =
        done.received > 0 ? `Received ${quantity} × ${sku} at ${location}` : 'Booked before; nothing changed'
      return { json: done, text }
    },
  },
  'stock adjust': {
    usage: 'stock adjust <sku> <location> <delta> --reason <text> --reference <text>',
    summary: 'Correct stock: stock adjust LAMP-OAK hamburg -1 --reason damaged --reference count-7',
    words: 3,
    options: ['reason', 'reference'],
    async run(connection, [sku = '', location = '', delta = ''], options) {
      const input = {
        sku,
        location,
        delta: wholeNumber(delta),
        reason: needed(options, 'reason'),
        reference: needed(options, 'reference'),
      }
      const stock = await callOperation(connection, storeContract.inventory.adjustStock, input)
      return { json: stock, text: formatTable(STOCK_HEADS, [stockRow(stock)]) }
    },
  },
  'messages list': {
    usage: 'messages list [--state queued|sending|sent|failed] [--limit n] [--cursor c]',
    summary: 'Messages to customers, newest first',
    words: 0,
    options: ['state', ...PAGE],
    async run(connection, _, options) {
      const page = await callOperation(connection, storeContract.notification.listMessages, options as never)
      const heads = ['MESSAGE', 'CREATED', 'STATE', 'TO', 'SUBJECT', 'ERROR']
      const rows = page.items.map(message => [
        message.messageId,
        message.createdAt,
        message.state,
        message.to,
        message.subject,
        message.lastError,
      ])
      return { json: page, text: formatTable(heads, rows), more: page.nextCursor }
    },
  },
  'messages resend': {
    usage: 'messages resend <messageId>',
    summary: 'Send a message again',
    words: 1,
    async run(connection, [messageId = '']) {
      const message = await callOperation(connection, storeContract.notification.resendMessage, { messageId })
      return { json: message, text: `${message.messageId} to ${message.to} is ${message.state}` }
    },
  },
  'events dead-letters': {
    usage: 'events dead-letters',
    summary: 'Events that a service could not take in, after eight tries',
    words: 0,
    async run(connection) {
      const lists = await Promise.all(
        HEARERS.map(async ([service, contract]) => {
          const { items } = await callOperation(connection, contract.listDeadLetters, {})
          return items.map(item => ({ service, ...item }))
        }),
      )
      const items = lists.flat()
      const heads = ['SERVICE', 'EVENT', 'TYPE', 'ABOUT', 'RECEIVED', 'TRIES', 'WAITING', 'ERROR']
      const rows = items.map(item => [
        item.service,
        item.eventId,
        item.type,
        item.aggregateId,
        item.receivedAt,
        item.attempts,
        item.waiting,
        item.error,
      ])
      return { json: { items }, text: formatTable(heads, rows) }
    },
  },
  'events retry': {
    usage: 'events retry <eventId>',
    summary: 'Try such an event again, and what waits behind it, in every service that set it aside',
    words: 1,
    async run(connection, [eventId = '']) {
      const items: { service: string; processed: number; error: string | null }[] = []
      for (const [service, contract] of HEARERS) {
        const retried = await callOperation(connection, contract.retryDeadLetter, { eventId }).catch(
          error => {
            if (error instanceof ApiProblem && error.problem.code === 'not-found') return undefined
            throw error
          },
        )
        if (retried) items.push({ service, ...retried })
      }
      if (items.length === 0) throw new UsageError(`No service has set ${eventId} aside.`)
      const rows = items.map(item => [item.service, item.processed, item.error])
      return { json: { items }, text: formatTable(['SERVICE', 'TAKEN IN', 'STOPPED BY'], rows) }
    },
  },
  'keys list': {
    usage: 'keys list',
    summary: 'Staff API keys',
    words: 0,
    async run(connection) {
      const keys = await callOperation(connection, storeContract.auth.listApiKeys, {})
      const rows = keys.items.map(key => [
        key.apiKeyId,
        key.label,
        key.createdAt,
        key.lastUsedAt,
        key.revokedAt,
      ])
      return { json: keys, text: formatTable(['KEY', 'LABEL', 'CREATED', 'LAST USED', 'REVOKED'], rows) }
    },
  },
  'keys revoke': {
    usage: 'keys revoke <apiKeyId>',
    summary: 'A key stops working within five seconds',
    words: 1,
    async run(connection, [apiKeyId = '']) {
      const done = await callOperation(connection, storeContract.auth.revokeApiKey, { apiKeyId })
      return { json: done, text: `${apiKeyId} is revoked` }
    },
  },
}

/** Services that hear events: each has set aside what it could not take in. */
const HEARERS = Object.entries(storeContract).flatMap(([service, contract]) =>
  'retryDeadLetter' in contract ? [[service, contract] as const] : [],
)

const STOCK_HEADS = ['SKU', 'LOCATION', 'ON HAND', 'RESERVED', 'ALLOCATED', 'SHORTAGE', 'AVAILABLE']

function stockRow(stock: {
  sku: string
  locationName: string
  onHand: number
  reserved: number
  allocated: number
  shortage: number
  available: number
}) {
  const { sku, locationName, onHand, reserved, allocated, shortage, available } = stock
  return [sku, locationName, onHand, reserved, allocated, shortage, available]
}

/** `LAMP-OAK:2,VASE:1` as pieces of the order's lines. */
function piecesOf<OrderLineId>(
  text: string,
  lines: readonly { readonly sku: string; readonly orderLineId: OrderLineId }[],
): { orderLineId: OrderLineId; quantity: number }[] {
  return text.split(',').map(part => {
    const [sku = '', quantity = '1'] = part.trim().split(':')
    const line = lines.find(candidate => candidate.sku === sku)
    if (!line) throw new UsageError(`The order has no line ${sku}`)
    return { orderLineId: line.orderLineId, quantity: wholeNumber(quantity) }
  })
}

function wholeNumber(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) throw new UsageError(`${text} is not a whole number`)
  return Number(text)
}

function needed(options: Readonly<Record<string, string>>, name: string): string {
  const value = options[name]
  if (!value) throw new UsageError(`--${name} is needed`)
  return value
}

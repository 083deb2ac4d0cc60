import type { Address } from '@storewright/kernel/address'
import { formatMoney, type Money } from '@storewright/kernel/money'
import type { Order } from '@storewright/order/contract'
import { confirmationHtml } from './confirmation-html.ts'
import { confirmationText } from './confirmation-text.ts'

/** What the mail says of the shop itself. */
export interface Shop {
  readonly name: string
  /** No slash at the end. */
  readonly url: string
  /** Account and terms for those who pay by invoice, as the merchant words them. */
  readonly paymentDetails?: string | undefined
}

/** Everything the mail says, in words; HTML and text differ only in how they set it. */
export interface Confirmation {
  readonly subject: string
  readonly preview: string
  readonly shop: Shop
  readonly heading: string
  readonly intro: string
  /** Undefined when it is not an http address. */
  readonly trackingUrl: string | undefined
  readonly payment: { readonly title: string; readonly paragraphs: readonly string[] }
  readonly delivery: string
  readonly lines: readonly {
    readonly title: string
    readonly detail: string
    readonly total: string
    readonly imageUrl: string | undefined
  }[]
  readonly sums: readonly { readonly label: string; readonly amount: string }[]
  readonly total: string
  /** Printed below the total when prices include tax. */
  readonly taxIncluded: readonly string[]
  readonly shippingAddress: readonly string[]
  readonly billingAddress: readonly string[]
  readonly note: string | null
}

/** Pure: the same order gives the same mail. */
export function renderOrderConfirmation(
  placed: { readonly order: Order; readonly trackingUrl: string },
  shop: Shop,
): { subject: string; html: string; text: string } {
  const confirmation = confirmationOf(placed.order, placed.trackingUrl, shop)
  return {
    subject: confirmation.subject,
    html: confirmationHtml(confirmation),
    text: confirmationText(confirmation),
  }
}

export function confirmationSubject(order: Pick<Order, 'number'>, shopName: string): string {
  return `Your order ${order.number} at ${shopName}`
}

function confirmationOf(order: Order, trackingUrl: string, shop: Shop): Confirmation {
  const locale = localeOf(order.marketId)
  const amount = (value: Money) => formatMoney(value, locale)
  const total = amount(order.totals.total)
  const date = formattersOf(locale).date.format(new Date(order.placedAt))
  // As on the order's page: a rate of zero is no line on a bill.
  const taxes = order.taxLines
    .filter(tax => tax.amount.amount !== 0)
    .map(tax => ({ ...tax, label: `${tax.name} ${percent(tax.rateBasisPoints, locale)}` }))
  return {
    subject: confirmationSubject(order, shop.name),
    preview: `${total}, ${order.lines.length === 1 ? '1 article' : `${order.lines.length} articles`}, to ${order.shippingAddress.city}`,
    shop,
    heading: 'Thank you for your order',
    intro: `We received your order ${order.number} on ${date}.`,
    trackingUrl: /^https?:\/\//.test(trackingUrl) ? trackingUrl : undefined,
    payment: paymentOf(order, total, shop),
    delivery: `${order.shipping.title}, ${workingDays(order.shipping.minDays, order.shipping.maxDays)}`,
    lines: order.lines.map(line => ({
      title: line.title,
      detail: [line.variantTitle, `${line.quantity} × ${amount(line.unitPrice)}`].filter(Boolean).join(' · '),
      total: amount(line.total),
      imageUrl: line.image ? absoluteUrl(line.image.jpg, shop.url) : undefined,
    })),
    sums: [
      { label: 'Subtotal', amount: amount(order.totals.subtotal) },
      {
        label: `Shipping (${order.shipping.title})`,
        amount: order.totals.shipping.amount === 0 ? 'Free' : amount(order.totals.shipping),
      },
      ...(order.totals.taxIncluded
        ? []
        : taxes.map(tax => ({ label: tax.label, amount: amount(tax.amount) }))),
    ],
    total,
    taxIncluded: order.totals.taxIncluded
      ? taxes.map(tax => `includes ${tax.label}: ${amount(tax.amount)}`)
      : [],
    shippingAddress: addressLines(order.shippingAddress, locale),
    billingAddress: addressLines(order.billingAddress, locale),
    note: order.note,
  }
}

function paymentOf(order: Order, total: string, shop: Shop): Confirmation['payment'] {
  switch (order.payment.method) {
    case 'card':
      return { title: 'Payment by card', paragraphs: [`${total} by card. There is nothing left to do.`] }
    case 'invoice':
      return {
        title: 'Payment by invoice',
        paragraphs: [
          `Amount due: ${total}. Please name the order number ${order.number} when you pay.`,
          ...(shop.paymentDetails ? [shop.paymentDetails] : []),
        ],
      }
    case 'cash-on-delivery':
      return {
        title: 'Cash on delivery',
        paragraphs: [`Please have ${total} ready when the parcel arrives; the carrier takes cash.`],
      }
  }
}

/** As the storefront writes each market's numbers and dates. */
function localeOf(marketId: string): string {
  return marketId === 'us' ? 'en-US' : marketId === 'uk' ? 'en-GB' : 'en-IE'
}

function percent(basisPoints: number, locale: string): string {
  return formattersOf(locale).percent.format(basisPoints / 10_000)
}

function workingDays(min: number, max: number): string {
  if (min === max) return `${max} working ${max === 1 ? 'day' : 'days'}`
  return `${min}–${max} working days`
}

function addressLines(address: Address, locale: string): string[] {
  const country = formattersOf(locale).region.of(address.country) ?? address.country
  return [
    address.fullName,
    address.line1,
    address.line2,
    [address.postalCode, address.city].join(' '),
    address.region,
    country,
    address.phone,
  ].filter(line => line !== undefined)
}

function absoluteUrl(path: string, base: string): string | undefined {
  const url = URL.parse(path, `${base}/`)
  return url && /^https?:$/.test(url.protocol) ? url.href : undefined
}

interface Formatters {
  readonly date: Intl.DateTimeFormat
  readonly percent: Intl.NumberFormat
  readonly region: Intl.DisplayNames
}

/** Making them costs more than the rest of a mail. */
const formatters = new Map<string, Formatters>()

function formattersOf(locale: string): Formatters {
  const known = formatters.get(locale)
  if (known) return known
  const made = {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }),
    percent: new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 }),
    region: new Intl.DisplayNames(locale, { type: 'region' }),
  }
  formatters.set(locale, made)
  return made
}

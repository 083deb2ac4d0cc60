import type { Confirmation } from './order-confirmation.ts'

/** For mail programs without HTML, screen readers that prefer it, and filters that distrust HTML alone. */
export function confirmationText(mail: Confirmation): string {
  const sections = [
    [mail.heading, mail.intro],
    mail.trackingUrl ? ['View your order:', mail.trackingUrl] : [],
    [mail.payment.title.toUpperCase(), ...mail.payment.paragraphs],
    mail.lines.flatMap(line => [line.title, `  ${line.detail}  ${line.total}`]),
    [
      ...mail.sums.map(sum => `${sum.label}: ${sum.amount}`),
      `Total: ${mail.total}`,
      ...mail.taxIncluded.map(line => `(${line})`),
    ],
    ['DELIVERY', mail.delivery],
    ['SHIP TO', ...mail.shippingAddress],
    ['BILL TO', ...mail.billingAddress],
    mail.note ? ['YOUR NOTE', mail.note] : [],
    [`${mail.shop.name}, ${mail.shop.url}`],
  ]
  return `${sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
}

import { constant, type Markup, markup } from './markup.ts'
import type { Confirmation } from './order-confirmation.ts'

/**
 * Tables and inline styles, because that is what every mail program shows; the style element only adds what some of
 * them can: dark mode and a narrower layout. Its classes override inline colors, hence `!important`.
 */
const STYLE = `
  :root { color-scheme: light dark; supported-color-schemes: light dark; }
  body { margin: 0; padding: 0; width: 100%; -webkit-text-size-adjust: 100%; }
  table { border-collapse: collapse; }
  img { border: 0; display: block; }
  @media (max-width: 480px) {
    .page { padding: 12px 8px 24px !important; }
    .inner { padding: 24px 20px !important; }
    .column { display: block !important; width: 100% !important; }
    .button a { display: block !important; text-align: center !important; }
  }
  @media (prefers-color-scheme: dark) {
    .page, body { background: #191614 !important; }
    .card { background: #221e1b !important; border-color: #3b342e !important; }
    .ink { color: #f3ebe1 !important; }
    .muted { color: #b8aca0 !important; }
    .rule { border-color: #3b342e !important; }
    .notice { background: #2a2521 !important; border-color: #eda17f !important; }
    .button { background: #eda17f !important; }
    .button a { color: #2b130a !important; }
    .link { color: #eda17f !important; }
  }`

const FONT = 'font-family:-apple-system,Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif'
const INK = `${FONT};font-size:16px;line-height:24px;color:#2b2521`
const MUTED = `${FONT};font-size:14px;line-height:20px;color:#6a5f56`
const LABEL = `${FONT};font-size:13px;line-height:20px;color:#6a5f56;font-weight:600`
const RULE = 'border-top:1px solid #e4dacd'
const TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'

export function confirmationHtml(mail: Confirmation): string {
  const body = table(
    markup`<tr><td class="inner" style="padding:32px 36px">
      <p class="muted" style="${MUTED};margin:0 0 20px;font-weight:600">${mail.shop.name}</p>
      <h1 class="ink" style="${INK};font-size:26px;line-height:32px;font-weight:700;margin:0 0 8px">${mail.heading}</h1>
      <p class="ink" style="${INK};margin:0 0 24px">${mail.intro}</p>
      ${button(mail)}
      ${notice(mail)}
      ${lines(mail)}
      ${sums(mail)}
      ${addresses(mail)}
      ${footer(mail)}
    </td></tr>`,
    'class="card" style="max-width:600px;background:#fffdf9;border:1px solid #e4dacd;border-radius:12px;border-collapse:separate"',
  )
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no">
<title>${mail.subject}</title>
<style>${constant(STYLE)}</style>
</head>
<body style="margin:0;padding:0;background:#faf6ef">
<div style="display:none;max-height:0;overflow:hidden">${mail.preview}</div>
${table(
  markup`<tr><td class="page" align="center" style="padding:24px 16px 32px;background:#faf6ef">${body}</td></tr>`,
)}
</body>
</html>
`.html
}

function button(mail: Confirmation): Markup | undefined {
  if (!mail.trackingUrl) return undefined
  return markup`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 28px"><tr>
    <td class="button" style="background:#9c4127;border-radius:8px"><a href="${mail.trackingUrl}" style="${FONT};display:inline-block;padding:13px 24px;font-size:16px;line-height:22px;font-weight:600;color:#fff8f3;text-decoration:none">View your order</a></td>
  </tr></table>`
}

function notice(mail: Confirmation): Markup {
  return table(
    markup`<tr><td class="notice" style="padding:14px 18px;background:#f1eae0;border-left:3px solid #9c4127">
      <p class="ink" style="${INK};font-weight:600;margin:0">${mail.payment.title}</p>
      ${mail.payment.paragraphs.map(
        text => markup`<p class="ink" style="${INK};margin:4px 0 0;white-space:pre-line">${text}</p>`,
      )}
    </td></tr>`,
    'style="margin:0 0 28px"',
  )
}

function lines(mail: Confirmation): Markup {
  return table(
    markup`${mail.lines.map(
      line => markup`<tr>
      <td class="rule" width="64" valign="top" style="${RULE};padding:14px 14px 14px 0">${picture(line)}</td>
      <td class="rule" valign="top" style="${RULE};padding:14px 0">
        <p class="ink" style="${INK};font-weight:600;margin:0">${line.title}</p>
        <p class="muted" style="${MUTED};margin:2px 0 0">${line.detail}</p>
      </td>
      <td class="rule ink" valign="top" align="right" style="${INK};${RULE};padding:14px 0 14px 12px;white-space:nowrap">${line.total}</td>
    </tr>`,
    )}`,
  )
}

/** No alternative text: the title stands beside it. */
function picture(line: Confirmation['lines'][number]): Markup {
  if (!line.imageUrl) return markup`&nbsp;`
  return markup`<img src="${line.imageUrl}" alt="" width="64" height="64" style="width:64px;height:64px;object-fit:cover;border-radius:8px">`
}

function sums(mail: Confirmation): Markup {
  const row = (label: string, amount: string) => markup`<tr>
      <td class="muted" style="${MUTED};padding:3px 0">${label}</td>
      <td class="ink" align="right" style="${MUTED};color:#2b2521;padding:3px 0 3px 12px;white-space:nowrap">${amount}</td>
    </tr>`
  return table(
    markup`<tr><td class="rule" colspan="2" style="${RULE};padding:0 0 10px;font-size:0;line-height:0">&nbsp;</td></tr>
    ${mail.sums.map(sum => row(sum.label, sum.amount))}
    <tr>
      <td class="ink" style="${INK};font-size:18px;font-weight:700;padding:10px 0 0">Total</td>
      <td class="ink" align="right" style="${INK};font-size:18px;font-weight:700;padding:10px 0 0 12px;white-space:nowrap">${mail.total}</td>
    </tr>
    ${mail.taxIncluded.map(text => markup`<tr><td class="muted" colspan="2" align="right" style="${MUTED}">${text}</td></tr>`)}`,
    'style="margin:0 0 28px"',
  )
}

function addresses(mail: Confirmation): Markup {
  const column = (
    label: string,
    address: readonly string[],
  ) => markup`<td class="column" width="50%" valign="top" style="padding:0 12px 20px 0">
      <p class="muted" style="${LABEL};margin:0 0 4px">${label}</p>
      ${address.map(line => markup`<p class="ink" style="${INK};margin:0">${line}</p>`)}
    </td>`
  return markup`${table(
    markup`<tr><td class="rule" style="${RULE};padding:20px 0">
      <p class="muted" style="${LABEL};margin:0 0 4px">Delivery</p>
      <p class="ink" style="${INK};margin:0">${mail.delivery}</p>
    </td></tr>`,
  )}
  ${table(markup`<tr>${column('Ship to', mail.shippingAddress)}${column('Bill to', mail.billingAddress)}</tr>`)}
  ${
    mail.note
      ? markup`<p class="muted" style="${LABEL};margin:0 0 4px">Your note</p>
  <p class="ink" style="${INK};margin:0 0 20px;white-space:pre-line">${mail.note}</p>`
      : undefined
  }`
}

function footer(mail: Confirmation): Markup {
  return table(
    markup`<tr><td class="rule muted" style="${MUTED};${RULE};padding:16px 0 0">
      You get this message because you placed an order at <a class="link" href="${mail.shop.url}" style="color:#9c4127">${mail.shop.name}</a>.
    </td></tr>`,
  )
}

function table(rows: Markup, attributes = ''): Markup {
  return markup`<table ${constant(TABLE)} ${constant(attributes)}>${rows}</table>`
}

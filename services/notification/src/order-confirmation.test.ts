import assert from 'node:assert/strict'
import { test } from 'node:test'
import { money } from '@storewright/kernel/money'
import fc from 'fast-check'
import { escapeHtml, markup } from './markup.ts'
import { renderOrderConfirmation } from './order-confirmation.ts'
import { sampleOrder } from './sample-order.ts'

const SHOP = { name: 'Test Shop', url: 'http://shop.test' }
const TRACKING = 'http://shop.test/orders/ord_1?token=a.b'

function render(
  order = sampleOrder(),
  trackingUrl = TRACKING,
  shop: Parameters<typeof renderOrderConfirmation>[1] = SHOP,
) {
  return renderOrderConfirmation({ order, trackingUrl }, shop)
}

/** What a reader sees: no tags, no style, entities decoded. */
function readable(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ')
}

test('says the same in HTML and text: lines, sums, tax, addresses, how to pay, where to look', () => {
  const mail = render(sampleOrder({ note: 'Ring twice' }))
  assert.equal(mail.subject, 'Your order SW-100042 at Test Shop')
  for (const body of [readable(mail.html), mail.text.replace(/\s+/g, ' ')]) {
    for (const part of [
      'SW-100042',
      '24 November 2026',
      'Stoneware Mug',
      'Oat, 350 ml · 2 × €24.00',
      '€48.00',
      'Subtotal',
      '€137.00',
      'Shipping (Standard)',
      '€4.90',
      '€141.90',
      'includes VAT 19%: €22.66',
      'Amount due: €141.90. Please name the order number SW-100042 when you pay.',
      'Ada Lovelace',
      '10119 Berlin',
      'Germany',
      '2–4 working days',
      'Ring twice',
    ])
      assert.ok(body.includes(part), `${part} in ${body}`)
  }
  assert.ok(mail.html.includes(`href="${TRACKING}"`))
  assert.ok(mail.text.includes(TRACKING))
  assert.ok(mail.html.includes('src="http://shop.test/images/a.jpg"'))
})

test('lists tax that is added, words cash on delivery, and prints the merchant’s account for invoices only', () => {
  const usd = (amount: number) => money(amount, 'USD')
  const base = sampleOrder()
  const american = sampleOrder({
    marketId: 'us',
    totals: { subtotal: usd(10000), shipping: usd(0), tax: usd(825), total: usd(10825), taxIncluded: false },
    taxLines: [{ name: 'Sales tax', rateBasisPoints: 825, amount: usd(825) }],
    payment: { ...base.payment, method: 'cash-on-delivery' },
  })
  const shop = { ...SHOP, paymentDetails: 'IBAN DE02' }
  const mail = render(american, TRACKING, shop)
  assert.match(mail.text, /Sales tax 8\.25%: \$8\.25\nTotal: \$108\.25\n/)
  assert.doesNotMatch(mail.text, /includes/)
  assert.match(mail.text, /Please have \$108\.25 ready when the parcel arrives/)
  assert.doesNotMatch(mail.text, /IBAN/)
  assert.match(render(base, TRACKING, shop).text, /IBAN DE02/)
})

test('lists no tax where the rate is zero', () => {
  const none = { amount: 0, currency: 'EUR' } as const
  for (const taxIncluded of [true, false]) {
    const base = sampleOrder()
    const mail = render({
      ...base,
      totals: { ...base.totals, tax: none, taxIncluded },
      taxLines: [{ name: 'Sales tax', rateBasisPoints: 0, amount: none }],
    })
    assert.doesNotMatch(mail.text, /sales tax/i)
    assert.doesNotMatch(readable(mail.html), /sales tax/i)
  }
})

test('escapes everything a shopper or vendor wrote', () => {
  const evil = `<script>alert(1)</script><img src=x onerror="a()">&'`
  const base = sampleOrder()
  const order = sampleOrder({
    note: evil,
    shippingAddress: { ...base.shippingAddress, fullName: evil, line2: evil },
    lines: base.lines.map(line => ({ ...line, title: evil, variantTitle: evil })),
    shipping: { ...base.shipping, title: evil },
    taxLines: base.taxLines.map(tax => ({ ...tax, name: evil })),
  })
  const { html } = render(order, TRACKING, { ...SHOP, name: evil, paymentDetails: evil })
  assert.ok(!html.includes('<script'))
  assert.ok(!html.includes('<img src=x'))
  assert.ok(readable(html).includes(evil))
})

test('links and pictures lead to http addresses only', () => {
  const base = sampleOrder()
  const line = base.lines[0]
  assert.ok(line?.image)
  const order = sampleOrder({ lines: [{ ...line, image: { ...line.image, jpg: 'javascript:alert(1)' } }] })
  const mail = render(order, 'javascript:alert(2)')
  assert.doesNotMatch(mail.html, /javascript:/)
  assert.doesNotMatch(mail.text, /javascript:/)
})

test('a template cannot be left by what is put into it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const { html } = markup`<a title="${text}">${text}</a>`
      assert.equal(html.split('<').length, 3)
      assert.equal(html.split('"').length, 3)
      assert.equal(
        escapeHtml(text).replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)),
        text,
      )
    }),
  )
})

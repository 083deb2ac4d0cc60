import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launchBrowser, type Visit } from '../harness/browser.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { shopperVisit } from '../harness/shop-routes.ts'

/** Whatever is sent to a page, it answers as a page: shown, sent on or refused, never broken. */

let platform: PlatformProcess
let browser: Browser
let shopper: Visit
let cookie: string

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
  shopper = await shopperVisit(browser, platform.url)
  cookie = (await shopper.context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
})
after(async () => {
  await shopper?.close()
  await browser?.close()
  await platform?.stop()
})

const NASTY = [
  '',
  ' ',
  '%',
  '%00',
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  '<script>',
  "' or 1=1 --",
  '-1',
  '0',
  '1.5',
  'NaN',
  '9'.repeat(30),
  'x'.repeat(5_000),
  '🫖'.repeat(50),
]

const encode = (text: string) => encodeURIComponent(text.toWellFormed())

suite('addresses', () => {
  for (const [name, path] of Object.entries({
    'a search': (text: string) => `/search?q=${text}`,
    'a search’s next page': (text: string) => `/search?q=lamp&cursor=${text}`,
    'a list’s next page': (text: string) => `/c/lighting?cursor=${text}`,
    'a collection’s next page': (text: string) => `/collections/new-season?cursor=${text}`,
    'an order of a list': (text: string) => `/c/lighting?sort=${text}`,
    'a variant': (text: string) => `/p/tidal-vase?v=${text}`,
    'a product': (text: string) => `/p/${text}`,
    'a category': (text: string) => `/c/${text}`,
    'a market’s product': (text: string) => `/us/p/${text}`,
    'an order': (text: string) => `/orders/${text}`,
    'an order’s token': (text: string) => `/orders/ord_01m85thdv8eq39gw82e6v42jaq?token=${text}`,
    'a checkout': (text: string) => `/checkout/${text}`,
    'an admin link': (text: string) => `/admin/welcome?token=${text}`,
    'a picture': (text: string) => `/media/${text}`,
    'a file': (text: string) => `/_astro/${text}`,
  }))
    test(`${name} of any spelling`, async () => {
      for (const text of NASTY)
        for (const headers of [{}, { cookie }]) await answered('GET', path(encode(text)), { headers })
    })

  test('bytes that are no text', async () => {
    for (const path of [
      '/p/%ff',
      '/search?q=%c3%28',
      '/c/%',
      '/%E0%A4%A',
      '/p/tidal-vase?v=%ff',
      '//',
      '/..%2f',
    ])
      await answered('GET', path)
  })

  test('what is not known reads as not asked for: order, variant and page', async () => {
    const plain = await textOf('/c/lighting')
    assert.equal(await textOf('/c/lighting?sort=evil'), plain)
    const first = await textOf('/p/tidal-vase')
    assert.equal(await textOf('/p/tidal-vase?v=LIG-ML16-ROU'), first, 'the SKU of another product')
    assert.equal(await textOf('/p/tidal-vase?v=nonsense'), first)
  })

  test('a garbled page of a list is refused as the client’s mistake', async () => {
    for (const path of ['/c/lighting?cursor=garbage', '/search?q=lamp&cursor=garbage']) {
      const { status } = await answered('GET', path)
      assert.ok(status === 200 || (status >= 400 && status < 500), `${path}: ${status}`)
    }
  })

  test('methods that pages don’t have', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      for (const path of ['/', '/cart', '/checkout', '/p/tidal-vase', '/orders/x'])
        await answered(method, path, { headers: { cookie } })
  })
})

const CART_FIELDS = { _action: 'add', sku: 'LIG-ML16-ROU', slug: 'moon-lantern', quantity: '1' }
const CHECKOUT_FIELDS = {
  _action: 'place',
  email: 'bad@example.com',
  fullName: 'Ada',
  line1: 'Street 1',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
  region: '',
  phone: '',
  shippingRateId: 'standard',
  paymentMethod: 'invoice',
  billing: 'same',
  note: '',
  quoteHash: 'x',
  shownTotal: '1',
  cartId: 'crt_x',
  idempotencyKey: 'bad-input-1',
}
const FORMS: Record<string, Record<string, string>> = {
  '/cart': CART_FIELDS,
  '/us/cart': { ...CART_FIELDS, _action: 'set' },
  '/uk/cart': { ...CART_FIELDS, _action: 'remove' },
  '/checkout': CHECKOUT_FIELDS,
  '/us/checkout': { ...CHECKOUT_FIELDS, _action: 'update' },
  '/admin/welcome': { token: 'x' },
}

suite('forms', () => {
  for (const [path, fields] of Object.entries(FORMS))
    test(`${path} with each field left out, garbled or sent twice`, async () => {
      for (const name of Object.keys(fields)) {
        const { [name]: _, ...rest } = fields
        await post(path, new URLSearchParams(rest))
        const twice = new URLSearchParams(fields)
        twice.append(name, 'second')
        await post(path, twice)
        for (const text of NASTY)
          await post(path, new URLSearchParams({ ...fields, [name]: text.toWellFormed() }))
      }
    })

  for (const path of Object.keys(FORMS))
    test(`${path} with a body that is no form`, async () => {
      const bodies: [string, string | URLSearchParams][] = [
        ['application/x-www-form-urlencoded', ''],
        ['application/x-www-form-urlencoded', '%%%&&&==='],
        ['application/x-www-form-urlencoded', `__proto__=1&constructor=2&_action[]=add`],
        ['application/x-www-form-urlencoded', 'a=1&'.repeat(10_000)],
        ['application/json', '{"_action":"add"}'],
        ['application/json', '{'],
        ['text/plain', 'hello'],
        ['multipart/form-data', 'no boundary'],
        ['multipart/form-data; boundary=x', '--x\r\nbroken'],
        ['nonsense', 'x'],
      ]
      for (const [type, body] of bodies) await post(path, body, { 'content-type': type })
      const file = new FormData()
      file.append('_action', new File(['add'], 'a.txt'))
      file.append('sku', new File(['x'], 'b.txt'))
      await post(path, file)
    })

  test('a body of 100 kB is refused unread, one of 50 kB is looked at', async () => {
    for (const [path, fields] of Object.entries(FORMS)) {
      const sent = (length: number) =>
        post(path, new URLSearchParams({ ...fields, note: 'x'.repeat(length) }))
      assert.equal((await sent(100_000)).status, 413, path)
      assert.notEqual((await sent(50_000)).status, 413, path)
    }
  })

  test('a cookie that is forged, cut off or enormous', async () => {
    for (const forged of ['storewright_guest=x', cookie.slice(0, -5), `a=${'x'.repeat(6_000)}`, '=;=;', 'x'])
      for (const [path, fields] of Object.entries(FORMS))
        await post(path, new URLSearchParams(fields), { cookie: forged })
  })

  test('a form from a foreign page changes nothing', async () => {
    for (const [path, fields] of Object.entries(FORMS))
      for (const origin of ['https://evil.example', 'null', '']) {
        const { status } = await post(path, new URLSearchParams(fields), { origin })
        assert.ok(status >= 400, `${path} from "${origin}": ${status}`)
      }
  })

  test('nothing was bought by all this', async () => {
    const { text } = await answered('GET', '/cart', { headers: { cookie } })
    assert.match(text, /Your cart/)
    const mails = await fetch(`${platform.inboxUrl}/api/messages`)
    assert.deepEqual(((await mails.json()) as { messages: unknown[] }).messages, [])
  })
})

async function textOf(path: string): Promise<string> {
  const { status, text } = await answered('GET', path)
  assert.equal(status, 200)
  return text
}

function post(path: string, body: string | URLSearchParams | FormData, headers: Record<string, string> = {}) {
  return answered('POST', path, { body, headers: { origin: platform.url, cookie, ...headers } })
}

/** Sends and looks: no fault, nothing of the inside told. */
async function answered(
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; text: string }> {
  const said = `${method} ${path.slice(0, 120)} ${String(init.body).slice(0, 200)}`
  const answer = await fetch(platform.url + path, { ...init, method, redirect: 'manual' })
  const text = await answer.text()
  assert.ok(answer.status < 500, `${answer.status}: ${said}\n${text.slice(0, 500)}`)
  assert.doesNotMatch(text, /at .+\.(ts|mjs):\d+|node_modules|stack trace/i, said)
  return { status: answer.status, text }
}

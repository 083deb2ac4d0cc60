import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import fc from 'fast-check'
import { addressGroup, createClientAddress } from './client-address.ts'
import { createRateLimiter, ratesFrom } from './rate-limit.ts'
import { TEST_SECRET, testGateway } from './testing.ts'

const ORIGIN = 'http://localhost:3000'
const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } })

test('rates are read from the configuration, and nonsense stops the start', () => {
  const rates = ratesFrom({ RATE_LIMIT_READ: '600/min', RATE_LIMIT_WRITE: '7/s:9' })
  assert.deepEqual(rates.read, { perSecond: 10, burst: 600 })
  assert.deepEqual(rates.write, { perSecond: 7, burst: 9 })
  assert.equal(rates.checkout.burst, 10)
  for (const text of ['fast', '0/s', '5', '5/day', '-1/s', '5/s:0'])
    assert.throws(() => ratesFrom({ RATE_LIMIT_READ: text }), /RATE_LIMIT_READ/)
})

test('over any stretch of time at most burst + rate × time is let through', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 }),
      (perSecond, burst, pauses) => {
        let now = 0
        const rate = { perSecond, burst }
        const limiter = createRateLimiter(
          { read: rate, write: rate, checkout: rate, credential: rate },
          { now: () => now },
        )
        let passed = 0
        for (const pause of pauses) {
          now += pause
          const wait = limiter.take('read', 'somebody')
          if (wait === 0) passed++
          else assert.ok(Number.isInteger(wait) && wait >= 1)
        }
        assert.ok(passed <= burst + (perSecond * now) / 1000 + 1e-6)
        if (pauses.length <= burst) assert.equal(passed, pauses.length)
      },
    ),
    { numRuns: 200 },
  )
})

test('after the wait that was told, the next request passes', () => {
  let now = 0
  const rate = { perSecond: 5 / 60, burst: 1 }
  const limiter = createRateLimiter(
    { read: rate, write: rate, checkout: rate, credential: rate },
    { now: () => now },
  )
  assert.equal(limiter.take('credential', 'a'), 0)
  const wait = limiter.take('credential', 'a')
  assert.equal(wait, 12)
  now += wait * 1000
  assert.equal(limiter.take('credential', 'a'), 0)
})

test('too many requests are a 429 with Retry-After, per address; X-Forwarded-For does not help', async () => {
  const { app } = testGateway({ config: { RATE_LIMIT_READ: '1/s:3' } })
  const ask = (address: string, headers: Record<string, string> = {}) =>
    app.request(`${ORIGIN}/api/markets`, { headers }, from(address))
  for (let i = 0; i < 3; i++) assert.equal((await ask('192.0.2.1')).status, 200)
  const refused = await ask('192.0.2.1', { 'x-forwarded-for': '203.0.113.9' })
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('retry-after'), '1')
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  assert.equal((await ask('192.0.2.2')).status, 200)
})

test('classes have limits of their own: guessing admin links ends after five', async () => {
  const { app } = testGateway({ config: { RATE_LIMIT_CREDENTIAL: '5/min' } })
  const claim = (token: string) =>
    app.request(
      `${ORIGIN}/api/admin/claim`,
      { method: 'POST', body: JSON.stringify({ token }), headers: { 'content-type': 'application/json' } },
      from('192.0.2.1'),
    )
  for (let i = 0; i < 5; i++) assert.equal((await claim(`guess ${i}`)).status, 200)
  assert.equal((await claim('guess 6')).status, 429)
  assert.equal((await app.request(`${ORIGIN}/api/markets`, {}, from('192.0.2.1'))).status, 200)
})

test('wrong API keys are counted per address, and then not even looked up', async () => {
  let lookups = 0
  const { app } = testGateway({
    config: { RATE_LIMIT_CREDENTIAL: '5/min' },
    handlers: {
      'auth.authenticateApiKey': () => {
        lookups++
        return null
      },
    },
  })
  const statuses: number[] = []
  for (let i = 0; i < 8; i++) {
    const key = `sk_${String(i).padStart(43, '0')}`
    const headers = { authorization: `Bearer ${key}` }
    statuses.push((await app.request(`${ORIGIN}/api/admin/orders`, { headers }, from('192.0.2.1'))).status)
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429])
  assert.equal(lookups, 5)
})

test('making ever new guests does not lift the limit of an address', async () => {
  const now = Date.now()
  const { app } = testGateway({ config: { RATE_LIMIT_CHECKOUT: '1/s:2' }, clock: { now: () => now } })
  let passed = 0
  for (let i = 0; i < 40; i++) {
    const token = createSigner(TEST_SECRET, 'guest').sign(newId('guest'))
    const answer = await app.request(
      `${ORIGIN}/api/checkout/quote`,
      {
        method: 'POST',
        body: JSON.stringify({ cartId: 'crt_01kaw3v5e8f6t9r2m4x7c0d1zq', country: 'DE' }),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      },
      from('192.0.2.1'),
    )
    if (answer.status === 200) passed++
  }
  assert.equal(passed, 20)
})

test('the client is the rightmost hop that is no proxy of ours', () => {
  const addressOf = createClientAddress(['10.0.0.0/8', 'fd00::/8', '192.0.2.7'])
  const request = (forwarded: string) =>
    new Request(ORIGIN, { headers: forwarded ? { 'x-forwarded-for': forwarded } : {} })
  assert.equal(addressOf(request('203.0.113.5'), '198.51.100.1'), '198.51.100.1')
  assert.equal(addressOf(request('203.0.113.5'), '10.1.2.3'), '203.0.113.5')
  assert.equal(addressOf(request('203.0.113.5'), '::ffff:10.1.2.3'), '203.0.113.5')
  assert.equal(addressOf(request('1.1.1.1, 203.0.113.5, 192.0.2.7'), 'fd00::1'), '203.0.113.5')
  assert.equal(addressOf(request('1.1.1.1, junk, 10.9.9.9'), '10.1.2.3'), '10.9.9.9')
  assert.equal(addressOf(request(''), '10.1.2.3'), '10.1.2.3')
  assert.equal(createClientAddress([])(request('203.0.113.5'), '127.0.0.1'), '127.0.0.1')
  assert.throws(() => createClientAddress(['everyone']), /TRUSTED_PROXIES/)
  assert.throws(() => createClientAddress(['10.0.0.0/33']), /TRUSTED_PROXIES/)
})

test('addresses of one IPv6 network count as one', () => {
  assert.equal(addressGroup('192.0.2.1'), '192.0.2.1')
  assert.equal(addressGroup('2001:db8:0:1:aaaa::1'), addressGroup('2001:0DB8:0000:0001:bbbb:cccc:dddd:eeee'))
  assert.notEqual(addressGroup('2001:db8:0:1::1'), addressGroup('2001:db8:0:2::1'))
  assert.equal(addressGroup('::1'), '0:0:0:0::/64')
})

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createRouterClient, ORPCError } from '@orpc/server'
import { authService } from '@storewright/auth/service'
import { openapiExamples } from '@storewright/gateway/openapi-examples'
import { exampleServices, TEST_SECRET, testGateway } from '@storewright/gateway/testing'
import { systemClock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { type Listening, listen, requestListener } from '@storewright/rpc/serve'
import { parseAmount } from './amount.ts'
import { run } from './cli.ts'

let fixture: TestDatabase
let served: Listening
let url: string
let folder: string
let adminLink: () => Promise<string>
const seen: Record<string, unknown>[] = []

let missing = false
function retry(answer: object | undefined): object {
  if (answer && !missing) return answer
  throw new ORPCError('not-found', { status: 404, message: 'There is nothing here.' })
}

const noting = (id: string) => (options: { input: never; context: CallContext }) => {
  seen.push({
    id,
    input: options.input,
    key: options.context.idempotencyKey,
    actor: options.context.actor.kind,
  })
  return openapiExamples[id]?.output
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storewright-cli-'))
  fixture = await createTestDatabase({
    service: 'auth',
    folders: [{ name: 'auth', url: authService.migrations }],
  })
  const service = await authService.start({
    database: fixture.database,
    needs: {},
    config: {},
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://localhost',
    signer: purpose => createSigner(TEST_SECRET, purpose),
    eventsAppended() {},
  })
  const examples = exampleServices({
    'inventory.adjustStock': noting('inventory.adjustStock'),
    'inventory.receiveStock': noting('inventory.receiveStock'),
    'product.setVariantPrice': noting('product.setVariantPrice'),
    'payment.recordPayment': noting('payment.recordPayment'),
    'order.cancelOrder': noting('order.cancelOrder'),
    'product.retryDeadLetter': () => retry({ processed: 0, error: 'Error: still broken' }),
    'checkout.retryDeadLetter': () => retry(undefined),
    'order.retryDeadLetter': () => retry({ processed: 2, error: null }),
    'notification.retryDeadLetter': () => retry(undefined),
  })
  const auth = createRouterClient(service.router, {
    context: (context: CallContext) => context,
  }) as typeof examples.auth
  adminLink = async () => {
    const { token } = await auth.createAdminLink({ validMinutes: 5 }, { context: systemContext('platform') })
    return `${url}/admin/welcome?token=${token}`
  }
  const { app } = testGateway({ clients: { ...examples, auth } })
  served = await listen(requestListener(app), { port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${served.port}`
})

after(async () => {
  await served.close()
  await fixture.drop()
  await rm(folder, { recursive: true })
})

async function cli(args: string[], env: Record<string, string> = {}, keyFile = join(folder, 'key.json')) {
  const out: string[] = []
  const err: string[] = []
  const terminal = {
    env,
    keyFile,
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
  }
  const code = await run(args, terminal as never)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('a link logs in once, the key is for the owner of the file alone and works until it is revoked', async () => {
  const link = await adminLink()
  const first = await cli(['login', link])
  assert.equal(first.code, 0, first.err)
  assert.equal((await stat(join(folder, 'key.json'))).mode & 0o777, 0o600)
  const saved = JSON.parse(await readFile(join(folder, 'key.json'), 'utf8')) as {
    url: string
    apiKey: string
  }
  assert.equal(saved.url, url)
  assert.ok(!first.out.includes(saved.apiKey))
  const again = await cli(['login', link], {}, join(folder, 'other.json'))
  assert.equal(again.code, 1)
  assert.match(again.err, /used already/)
  const keys = await cli(['keys', 'list', '--json'])
  const [key] = (JSON.parse(keys.out) as { items: { apiKeyId: string; lastUsedAt: string | null }[] }).items
  assert.ok(key?.lastUsedAt)
  assert.equal((await cli(['keys', 'revoke', key.apiKeyId])).code, 0)
  const listed = await cli(['keys', 'list'], {
    STOREWRIGHT_URL: url,
    STOREWRIGHT_API_KEY: `sk_${'x'.repeat(43)}`,
  })
  assert.equal(listed.code, 1)
  assert.match(listed.err, /bearer token/)
})

test('commands show tables for people and JSON for programs', async () => {
  assert.equal((await cli(['login', await adminLink()])).code, 0)
  const orders = await cli(['orders', 'list', '--status', 'open'])
  assert.match(orders.out, /^NUMBER +ORDER .*\n100001 +ord_\w+ .* 182\.90 EUR +ada@example\.com$/)
  const order = await cli(['orders', 'show', 'ord_01kaw3v5e8f6t9r2m4x7c0d1zq'])
  assert.match(order.out, /payment +pay_\w+ by invoice/)
  assert.match(order.out, /LAMP-OAK/)
  const json = JSON.parse((await cli(['orders', 'list', '--json'])).out) as { items: unknown[] }
  assert.equal(json.items.length, 1)
  for (const args of [
    ['stock', 'list', '--sku', 'LAMP-OAK'],
    ['messages', 'list'],
    ['keys', 'list'],
    ['events', 'dead-letters'],
  ])
    assert.match((await cli(args)).out, /^[A-Z ]+\n.+/, args.join(' '))
  assert.match((await cli(['messages', 'resend', 'msg_01kaw3v5e8f6t9r2m4x7c0d1zq'])).out, /queued/)
})

test('a payment is shown with everything that happened to it, captured and refunded', async () => {
  const paymentId = 'pay_01kaw3v5e8f6t9r2m4x7c0d1zq'
  const { out } = await cli(['payments', 'show', paymentId])
  assert.match(out, /^payment +pay_/)
  for (const part of ['visa …4242', 'REFUND', 'one lamp came back', 'LEDGER', '-89.00 EUR', 'CALL'])
    assert.ok(out.includes(part), part)
  assert.doesNotMatch(out, /DISPUTE/)
  assert.match((await cli(['payments', 'capture', paymentId, '--amount', '10.00'])).out, /is captured/)
  const refund = ['payments', 'refund', paymentId, '89.00', 'EUR']
  assert.match((await cli([...refund, '--reason', 'one lamp came back'])).out, /is succeeded: 89\.00 EUR/)
  assert.match((await cli(refund)).err, /--reason is needed/)
})

test('an event is tried again wherever it was set aside', async () => {
  const letters = await cli(['events', 'dead-letters', '--json'])
  const { items } = JSON.parse(letters.out) as { items: { service: string; eventId: string }[] }
  assert.deepEqual(
    items.map(({ service }) => service),
    ['product', 'checkout', 'order', 'notification'],
  )
  const retried = await cli(['events', 'retry', items[0]?.eventId ?? ''])
  assert.match(retried.out, /^SERVICE +TAKEN IN.*\nproduct +0 +Error: still broken\norder +2/)
  assert.doesNotMatch(retried.out, /notification/)
  missing = true
  const none = await cli(['events', 'retry', items[0]?.eventId ?? ''])
  missing = false
  assert.equal(none.code, 1)
  assert.match(none.err, /No service has set evt_\w+ aside/)
})

test('writes send what was typed, once, under a key of their own, as staff', async () => {
  seen.length = 0
  const adjusted = await cli([
    'stock',
    'adjust',
    'LAMP-OAK',
    'hamburg',
    '-1',
    '--reason',
    'damaged',
    '--reference',
    'count-7',
  ])
  assert.equal(adjusted.code, 0, adjusted.err)
  await cli(['stock', 'receive', 'LAMP-OAK', 'hamburg', '20', '--reference', 'note 4711'])
  await cli(['products', 'price', 'LAMP-OAK', '95', 'eur'])
  await cli(['payments', 'record', 'pay_01kaw3v5e8f6t9r2m4x7c0d1zq', '182.90', 'EUR'])
  const canceled = await cli([
    'orders',
    'cancel',
    'ord_01kaw3v5e8f6t9r2m4x7c0d1zq',
    '--reason',
    'the customer called',
  ])
  assert.equal(canceled.out, '100001 is canceled, payment voided')
  assert.deepEqual(
    seen.map(({ input }) => input),
    [
      { sku: 'LAMP-OAK', location: 'hamburg', delta: -1, reason: 'damaged', reference: 'count-7' },
      { lines: [{ sku: 'LAMP-OAK', location: 'hamburg', quantity: 20 }], reference: 'note 4711' },
      { sku: 'LAMP-OAK', price: { amount: 9500, currency: 'EUR' } },
      { paymentId: 'pay_01kaw3v5e8f6t9r2m4x7c0d1zq', amount: { amount: 18_290, currency: 'EUR' } },
      { orderId: 'ord_01kaw3v5e8f6t9r2m4x7c0d1zq', reason: 'the customer called' },
    ],
  )
  assert.equal(new Set(seen.map(({ key }) => key)).size, 5)
  assert.deepEqual(new Set(seen.map(({ actor }) => actor)), new Set(['staff']))
})

test('a refusal prints title, detail and fields', async () => {
  const refused = await cli(['orders', 'list', '--limit', '1000'])
  assert.equal(refused.code, 1)
  assert.equal(refused.out, '')
  assert.match(refused.err, /^Invalid input: .*\n {2}limit: .*\n {2}trace [0-9a-f]{32}$/)
})

test('mistakes at the terminal are explained', async () => {
  const cases: [string[], RegExp][] = [
    [['orders', 'dance'], /no command "orders dance"/],
    [['orders', 'show'], /Usage: orders show/],
    [['orders', 'list', '--nonsense'], /--nonsense.*\nUsage: orders list/],
    [['stock', 'receive', 'A', 'b', '3'], /--reference is needed/],
    [['stock', 'adjust', 'A', 'b', '1.5', '--reason', 'x', '--reference', 'y'], /1\.5 is not a whole number/],
    [['products', 'price', 'A', '1.234', 'EUR'], /1\.234 is not an amount in EUR/],
    [['products', 'price', 'A', '1', 'ABC'], /ABC is not a currency/],
    [['login'], /Usage: login/],
    [['login', 'http://127.0.0.1/nothing'], /not an admin link/],
  ]
  for (const [args, message] of cases) {
    const { code, err } = await cli(args)
    assert.equal(code, 1)
    assert.match(err, message)
  }
  assert.match((await cli(['orders', 'list'], {}, join(folder, 'none.json'))).err, /no API key/)
  const gone = await cli(['orders', 'list'], {
    STOREWRIGHT_URL: 'http://127.0.0.1:1',
    STOREWRIGHT_API_KEY: 'k',
  })
  assert.match(gone.err, /cannot be reached/)
  await writeFile(join(folder, 'broken.json'), '{}')
  assert.match((await cli(['orders', 'list'], {}, join(folder, 'broken.json'))).err, /not a key file/)
})

test('a saved key is not sent to another store', async () => {
  const other = await cli(['orders', 'list'], { STOREWRIGHT_URL: 'http://evil.example' })
  assert.equal(other.code, 1)
  assert.match(other.err, /saved key is for http:\/\/127/)
})

test('help names every command of the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const { code, out } = await cli(['help'])
  assert.equal(code, 0)
  const documented = [...readme.matchAll(/^\| `([a-z]+(?: [a-z]+)?)/gm)].map(match => match[1] ?? '')
  assert.ok(documented.length > 10)
  for (const name of documented) if (name !== 'help') assert.ok(out.includes(name), name)
})

test('amounts are exact in every currency', () => {
  assert.deepEqual(parseAmount('0.1', 'EUR'), { amount: 10, currency: 'EUR' })
  assert.deepEqual(parseAmount('1200', 'JPY'), { amount: 1200, currency: 'JPY' })
  assert.deepEqual(parseAmount('1.25', 'KWD'), { amount: 1250, currency: 'KWD' })
  for (const text of ['1,50', '-1', '1e3', '', '1.', '.5', '99999999999999', '999999999999'])
    assert.throws(() => parseAmount(text, 'EUR'), /amount/)
  assert.throws(() => parseAmount('1.5', 'JPY'), /1\.5 is not an amount in JPY/)
})

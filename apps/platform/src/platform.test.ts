import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from './config.ts'
import { CONNECTIONS_MAX, SERVICES } from './platform.ts'
import { localNames } from './services.ts'

const definitions = Object.entries(SERVICES)

test('the services of one process stay within its budget of database connections', () => {
  const total = definitions.reduce((sum, [, definition]) => sum + definition.maxConnections, 0)
  assert.ok(total <= CONNECTIONS_MAX, `${total} connections`)
})

test('every aggregate type has one publisher, and whoever hears one can receive it', () => {
  const published = definitions.flatMap(([, definition]) => definition.publishes)
  assert.equal(new Set(published).size, published.length)
  for (const [name, definition] of definitions)
    for (const type of definition.hears) {
      assert.ok((published as string[]).includes(type), `${name} hears ${type}, which nobody publishes`)
      assert.ok('receiveEvents' in definition.contract, `${name} cannot receive ${type}`)
      assert.ok('retryDeadLetter' in definition.contract, `staff cannot see what ${name} could not take in`)
    }
})

test('a service is registered under its own name and needs only registered ones, by their own contract', () => {
  for (const [name, definition] of definitions) {
    assert.equal(definition.name, name)
    for (const [need, contract] of Object.entries(definition.needs))
      assert.equal(SERVICES[need as keyof typeof SERVICES].contract, contract, `${name} needs ${need}`)
  }
})

test('a service with a URL runs elsewhere', () => {
  const names = localNames({ INVENTORY_URL: 'http://10.0.0.1:1' })
  assert.ok(!names.includes('inventory'))
  assert.equal(names.length, definitions.length - 1)
})

test('an incomplete configuration is refused with every missing name', () => {
  assert.throws(
    () => readConfig({ NODE_ENV: 'production', PORT: 'x', LOG_LEVEL: 'loud' }),
    (error: Error) => {
      for (const name of ['PORT', 'LOG_LEVEL', 'PUBLIC_URL', 'SMTP_URL'])
        assert.match(error.message, new RegExp(name))
      return true
    },
  )
  assert.throws(() => readConfig({ PUBLIC_URL: 'shop.example/x' }), /PUBLIC_URL/)
  assert.throws(() => readConfig({ INTERNAL_PORT: '70000' }), /INTERNAL_PORT/)
  assert.throws(() => readConfig({ DATABASE_URL: 'shop' }), /DATABASE_URL must be a URL/)
  assert.throws(() => readConfig({ ORDER_DATABASE_URL: 'mysql://db/shop' }), /ORDER_DATABASE_URL must/)
})

test('a variable that is set to nothing is as good as not set: it opens no network', () => {
  const empty = readConfig({ HOST: '', DATA_DIR: '', DATABASE_URL: '', PORT: '' })
  assert.deepEqual(empty, { ...readConfig({}), env: empty.env })
  assert.equal(empty.host, '127.0.0.1')
})

test('production runs on sandboxes only when told to', () => {
  const production = { NODE_ENV: 'production', PUBLIC_URL: 'https://shop.example' }
  assert.throws(() => readConfig(production), /SMTP_URL/)
  assert.equal(readConfig({ ...production, ALLOW_SANDBOXES: '1' }).seedDemo, false)
  assert.equal(readConfig({ ...production, SMTP_URL: 'smtps://mail.example' }).production, true)
})

test('cards are paid at Stripe when its keys are there, at the sandbox otherwise, and never at one in production', () => {
  const production = {
    NODE_ENV: 'production',
    PUBLIC_URL: 'https://shop.example',
    SMTP_URL: 'smtps://mail.example',
  }
  assert.equal(readConfig({}).stripeSandbox, true)
  assert.equal(readConfig({ STRIPE_SANDBOX: '0' }).stripeSandbox, false)
  assert.equal(readConfig({ STRIPE_SECRET_KEY: 'sk_test_1' }).stripeSandbox, false)
  assert.equal(readConfig({ PAYMENT_URL: 'http://10.0.0.1:1' }).stripeSandbox, false)
  assert.equal(readConfig(production).stripeSandbox, false)
  assert.equal(readConfig({ ...production, ALLOW_SANDBOXES: '1' }).stripeSandbox, true)
  assert.throws(() => readConfig({ ...production, STRIPE_SECRET_KEY: 'sk_test_1' }), /STRIPE_SECRET_KEY/)
})

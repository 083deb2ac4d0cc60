import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { createClients } from '@storewright/rpc/client'
import { systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { problemOf } from '@storewright/rpc/refusal'
import type { ServiceClient } from '@storewright/rpc/service'
import { tokenKeys } from '@storewright/rpc/token'
import { pricingContract } from './contract.ts'
import type { NewMarket } from './domain.ts'
import { pricingService } from './service.ts'

let scratch: TestDatabase
let pricing: ServiceClient<typeof pricingContract>
const options = () => ({ context: systemContext('test') })

before(async () => {
  scratch = await createTestDatabase({
    service: 'pricing',
    folders: [{ name: 'pricing', url: pricingService.migrations }],
  })
  const running = await pricingService.start({
    database: scratch.database,
    needs: {},
    config: {},
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://localhost',
    signer: purpose => createSigner('secret of a test', purpose),
    eventsAppended: () => {},
  })
  pricing = createClients(
    { pricing: pricingContract },
    { config: {}, keys: tokenKeys(['secret of a test']), find: () => running },
  ).pricing
})
after(() => scratch.drop())

const eu: NewMarket = {
  marketId: 'eu',
  name: 'Europe',
  currency: 'EUR',
  locale: 'en-DE',
  taxIncluded: true,
  defaultCountry: 'DE',
  countries: [
    {
      code: 'DE',
      name: 'Germany',
      taxName: 'VAT',
      standardRateBasisPoints: 1900,
      reducedRateBasisPoints: 700,
    },
    {
      code: 'FR',
      name: 'France',
      taxName: 'VAT',
      standardRateBasisPoints: 2000,
      reducedRateBasisPoints: 550,
    },
  ],
  shippingRates: [
    {
      shippingRateId: 'standard',
      title: 'Standard',
      description: '',
      amount: 490,
      freeFromAmount: 7500,
      minDays: 2,
      maxDays: 4,
    },
    {
      shippingRateId: 'express',
      title: 'Express',
      description: '',
      amount: 1290,
      freeFromAmount: null,
      minDays: 1,
      maxDays: 1,
    },
  ],
}
const lines = [
  {
    sku: 'A',
    quantity: 2,
    unitPrice: { amount: 1000, currency: 'EUR' as const },
    taxClass: 'standard' as const,
    weightGrams: 1,
  },
]

test('a market is listed as set, and set again it is replaced whole', async () => {
  await pricing.setMarket(eu, options())
  await pricing.setMarket({ ...eu, marketId: 'uk', currency: 'GBP', name: 'United Kingdom' }, options())
  await pricing.setMarket(
    {
      ...eu,
      name: 'EU',
      defaultCountry: 'FR',
      countries: eu.countries.slice(1),
      shippingRates: eu.shippingRates.slice(1),
    },
    options(),
  )
  const { items } = await pricing.listMarkets(undefined, options())
  assert.deepEqual(
    items.map(market => [market.marketId, market.name, market.defaultCountry, market.countries]),
    [
      ['eu', 'EU', 'FR', [{ code: 'FR', name: 'France' }]],
      [
        'uk',
        'United Kingdom',
        'DE',
        [
          { code: 'DE', name: 'Germany' },
          { code: 'FR', name: 'France' },
        ],
      ],
    ],
  )
  const quote = await pricing.calculateQuote({ marketId: 'eu', country: 'FR', lines }, options())
  assert.deepEqual(
    quote.shippingOptions.map(option => option.shippingRateId),
    ['express'],
  )
})

test('a market names the taxes that it charges, none where every rate is zero', async () => {
  const [german, french] = eu.countries
  assert.ok(german && french)
  const untaxed = { taxName: 'Sales tax', standardRateBasisPoints: 0, reducedRateBasisPoints: 0 }
  const taxNames = async (countries: NewMarket['countries']) => {
    await pricing.setMarket({ ...eu, countries }, options())
    const { items } = await pricing.listMarkets(undefined, options())
    return items.find(market => market.marketId === eu.marketId)?.taxNames
  }
  assert.deepEqual(await taxNames([german, french]), ['VAT'])
  assert.deepEqual(await taxNames([german, { ...french, ...untaxed }]), ['VAT'])
  assert.deepEqual(await taxNames([{ ...german, ...untaxed }]), [])
})

test('a quote uses the rates of the country it ships to', async () => {
  await pricing.setMarket(eu, options())
  const german = await pricing.calculateQuote({ marketId: 'eu', country: 'DE', lines }, options())
  const french = await pricing.calculateQuote({ marketId: 'eu', country: 'FR', lines }, options())
  assert.equal(german.lines[0]?.tax.amount, 319)
  assert.equal(french.lines[0]?.tax.amount, 333)
  assert.deepEqual(german.totals.total, { amount: 2490, currency: 'EUR' })
})

test('a quote refuses what is not in the market and names the field', async () => {
  await pricing.setMarket(eu, options())
  const quoting = (input: object) =>
    fieldsOf(pricing.calculateQuote({ marketId: 'eu', country: 'DE', lines, ...input }, options()))
  assert.deepEqual(await quoting({ marketId: 'moon' }), ['marketId'])
  assert.deepEqual(await quoting({ country: 'US' }), ['country'])
  assert.deepEqual(await quoting({ shippingRateId: 'drone' }), ['shippingRateId'])
  const foreign = [{ ...lines[0], unitPrice: { amount: 1, currency: 'USD' } }]
  assert.deepEqual(await quoting({ lines: foreign }), ['lines.0.unitPrice.currency'])
})

test('a market that contradicts itself is refused whole, every field named', async () => {
  await pricing.setMarket(eu, options())
  const fields = await fieldsOf(
    pricing.setMarket(
      {
        ...eu,
        name: 'Eu\u0000rope',
        locale: '??',
        defaultCountry: 'US',
        countries: [...eu.countries, ...eu.countries.slice(0, 1)],
        shippingRates: [
          ...eu.shippingRates,
          ...eu.shippingRates.map(rate => ({ ...rate, minDays: 9, maxDays: 8 })),
        ],
      },
      options(),
    ),
  )
  assert.deepEqual(fields.sort(), [
    'countries.2.code',
    'defaultCountry',
    'locale',
    'name',
    'shippingRates.2.minDays',
    'shippingRates.2.shippingRateId',
    'shippingRates.3.minDays',
    'shippingRates.3.shippingRateId',
  ])
  const { items } = await pricing.listMarkets(undefined, options())
  assert.equal(items.find(market => market.marketId === 'eu')?.name, 'Europe')
})

test('while a market is replaced, readers see the old one or the new one', async () => {
  const versions = [eu, { ...eu, shippingRates: eu.shippingRates.map(rate => ({ ...rate, amount: 100 })) }]
  await pricing.setMarket(eu, options())
  const writes = Array.from({ length: 20 }, (_, index) =>
    pricing.setMarket(versions[index % 2] ?? eu, options()),
  )
  const reads = Array.from({ length: 60 }, () =>
    pricing.calculateQuote({ marketId: 'eu', country: 'DE', lines }, options()),
  )
  for (const quote of await Promise.all(reads)) {
    const prices = quote.shippingOptions.map(option => option.price.amount).join()
    assert.ok(['490,1290', '100,100'].includes(prices), prices)
  }
  await Promise.all(writes)
})

test('shoppers may not set markets', async () => {
  const context = { ...systemContext('gateway'), actor: { kind: 'anonymous' } as const }
  await assert.rejects(pricing.setMarket(eu, { context }), { code: 'forbidden' })
})

async function fieldsOf(call: Promise<unknown>): Promise<string[]> {
  const error: unknown = await call.then(
    () => assert.fail('it was not refused'),
    reason => reason,
  )
  const problem = problemOf(error, { instance: '/', traceId: 't' })
  assert.equal(problem.code, 'invalid-input', String(error))
  return (problem.errors ?? []).map(({ field }) => field)
}

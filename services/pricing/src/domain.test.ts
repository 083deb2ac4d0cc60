import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AMOUNT_MAX, type Currency } from '@storewright/kernel/money'
import fc from 'fast-check'
import { calculateQuote, type Quote, type QuoteRequest, type QuoteRules } from './domain.ts'

const currencies: readonly Currency[] = ['EUR', 'JPY', 'KWD']
const basisPoints = fc.integer({ min: 0, max: 5000 })
const price = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 90_000 }) },
  { weight: 1, arbitrary: fc.constant(AMOUNT_MAX) },
)
const quantity = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: 1, max: 999 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) },
)

const rulesOf = (currency: Currency): fc.Arbitrary<QuoteRules> =>
  fc.record({
    currency: fc.constant(currency),
    taxIncluded: fc.boolean(),
    taxName: fc.constant('VAT'),
    standardRateBasisPoints: basisPoints,
    reducedRateBasisPoints: basisPoints,
    shippingRates: fc.uniqueArray(
      fc.record({
        shippingRateId: fc.stringMatching(/^[a-z]{1,6}$/),
        title: fc.constant('Parcel'),
        description: fc.constant(''),
        amount: fc.integer({ min: 0, max: 5000 }),
        freeFromAmount: fc.option(fc.integer({ min: 0, max: 100_000 })),
        minDays: fc.constant(1),
        maxDays: fc.constant(3),
      }),
      { minLength: 1, maxLength: 4, selector: rate => rate.shippingRateId },
    ),
  })

const linesOf = (currency: Currency): fc.Arbitrary<QuoteRequest['lines']> =>
  fc.array(
    fc.record({
      sku: fc.stringMatching(/^[A-Z]{3}-[0-9]{2}$/),
      quantity,
      unitPrice: price.map(amount => ({ amount, currency })),
      taxClass: fc.constantFrom('standard' as const, 'reduced' as const, 'zero' as const),
      weightGrams: fc.constant(100),
    }),
    { minLength: 1, maxLength: 12 },
  )

const cart = fc.constantFrom(...currencies).chain(currency =>
  fc.record({ rules: rulesOf(currency), lines: linesOf(currency) }).chain(({ rules, lines }) =>
    fc.record({
      rules: fc.constant(rules),
      request: fc.record(
        {
          marketId: fc.constant('eu'),
          country: fc.constant('DE'),
          lines: fc.constant(lines),
          shippingRateId: fc.constantFrom(...rules.shippingRates.map(rate => rate.shippingRateId)),
        },
        { requiredKeys: ['marketId', 'country', 'lines'] },
      ) as fc.Arbitrary<QuoteRequest>,
    }),
  ),
)

const sum = (amounts: readonly number[]) => amounts.reduce((a, b) => a + b, 0)

test('the parts of every quote add up, none is negative, and what is too large is refused', () => {
  let quoted = 0
  fc.assert(
    fc.property(cart, ({ rules, request }) => {
      const result = calculateQuote(rules, request)
      if ('errors' in result) {
        const exact = request.lines.reduce(
          (all, line) => all + BigInt(line.unitPrice.amount) * BigInt(line.quantity),
          0n,
        )
        // Tax of at most 50 % and shipping of at most 5000 may be what carries a sum over the limit.
        assert.ok(exact * 3n > BigInt(AMOUNT_MAX), JSON.stringify(result.errors))
        return
      }
      quoted++
      const { lines, totals, taxLines, shippingTax } = result.quote
      assert.equal(totals.subtotal.amount, sum(lines.map(line => line.total.amount)))
      assert.equal(totals.tax.amount, sum(lines.map(line => line.tax.amount)) + shippingTax.amount)
      assert.equal(totals.tax.amount, sum(taxLines.map(line => line.amount.amount)))
      assert.equal(
        totals.total.amount,
        totals.subtotal.amount + totals.shipping.amount + (rules.taxIncluded ? 0 : totals.tax.amount),
      )
      for (const amount of amountsIn(result.quote)) {
        assert.ok(Number.isSafeInteger(amount) && amount >= 0 && amount <= AMOUNT_MAX, `amount ${amount}`)
        assert.ok(!Object.is(amount, -0))
      }
      for (const line of lines)
        if (rules.taxIncluded) assert.ok(line.tax.amount <= line.total.amount, 'tax is part of the price')
    }),
    { numRuns: 1000 },
  )
  assert.ok(quoted > 200, `only ${quoted} of the random carts had a quote`)
})

test("each line's tax is within half a minor unit of the exact tax", () => {
  fc.assert(
    fc.property(cart, ({ rules, request }) => {
      const result = calculateQuote(rules, request)
      if ('errors' in result) return
      for (const line of result.quote.lines) {
        const rate = BigInt(line.taxRateBasisPoints)
        const divisor = rules.taxIncluded ? 10_000n + rate : 10_000n
        const twiceOff = 2n * (BigInt(line.tax.amount) * divisor - BigInt(line.total.amount) * rate)
        assert.ok(twiceOff <= divisor && -twiceOff <= divisor)
        if (twiceOff === divisor || -twiceOff === divisor)
          assert.equal(line.tax.amount % 2, 0, 'a tie goes to even')
      }
    }),
  )
})

test('the order of the lines changes nothing but the order of the lines', () => {
  fc.assert(
    fc.property(
      cart.chain(({ rules, request }) =>
        fc.record({
          rules: fc.constant(rules),
          request: fc.constant(request),
          shuffled: fc.shuffledSubarray(request.lines, { minLength: request.lines.length }),
        }),
      ),
      ({ rules, request, shuffled }) => {
        const straight = calculateQuote(rules, request)
        const mixed = calculateQuote(rules, { ...request, lines: shuffled })
        if ('errors' in straight || 'errors' in mixed) {
          assert.equal('errors' in straight, 'errors' in mixed)
          return
        }
        assert.deepEqual(withoutLines(mixed.quote), withoutLines(straight.quote))
        assert.deepEqual(sorted(mixed.quote), sorted(straight.quote))
      },
    ),
  )
})

const germany: QuoteRules = {
  currency: 'EUR',
  taxIncluded: true,
  taxName: 'MwSt.',
  standardRateBasisPoints: 1900,
  reducedRateBasisPoints: 700,
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
      maxDays: 2,
    },
    {
      shippingRateId: 'pickup',
      title: 'Pickup',
      description: '',
      amount: 290,
      freeFromAmount: null,
      minDays: 1,
      maxDays: 2,
    },
  ],
}
const line = (amount: number, quantity = 1, taxClass: 'standard' | 'reduced' | 'zero' = 'standard') => ({
  sku: 'A',
  quantity,
  unitPrice: { amount, currency: 'EUR' as const },
  taxClass,
  weightGrams: 0,
})
const request = (lines: QuoteRequest['lines'], shippingRateId?: string): QuoteRequest => ({
  marketId: 'eu',
  country: 'DE',
  lines,
  ...(shippingRateId ? { shippingRateId } : {}),
})

test('a German cart shows its included tax by rate and ships free from the threshold', () => {
  const quote = quoteOf(germany, request([line(6800), line(1000, 2, 'reduced')]))
  assert.equal(quote.shippingRateId, 'standard')
  assert.deepEqual(quote.totals.shipping, { amount: 0, currency: 'EUR' })
  // 6800 × 19 / 119 = 1085.71; 2000 × 7 / 107 = 130.84
  assert.deepEqual(
    quote.taxLines.map(tax => [tax.name, tax.rateBasisPoints, tax.amount.amount]),
    [
      ['MwSt.', 1900, 1086],
      ['MwSt.', 700, 131],
    ],
  )
  assert.equal(quote.totals.total.amount, 8800)
})

test('below the threshold shipping is paid and taxed at the standard rate', () => {
  const quote = quoteOf(germany, request([line(7499, 1, 'reduced')]))
  assert.equal(quote.totals.shipping.amount, 490)
  assert.equal(quote.shippingTax.amount, 78)
  assert.equal(quote.totals.total.amount, 7989)
})

test("without a wish the market's first rate is chosen, though another is cheaper", () => {
  assert.equal(quoteOf(germany, request([line(1000)])).shippingRateId, 'standard')
  assert.equal(quoteOf(germany, request([line(1000)], 'pickup')).totals.shipping.amount, 290)
})

test('tax that is not included comes on top, rounded half to even once per line', () => {
  const rules = { ...germany, taxIncluded: false, standardRateBasisPoints: 500 }
  // 5 % of 50 is 2.5 → 2; of 150 is 7.5 → 8; of 490 is 24.5 → 24
  const quote = quoteOf(rules, request([line(50), line(150)]))
  assert.deepEqual(
    quote.lines.map(priced => priced.tax.amount),
    [2, 8],
  )
  assert.equal(quote.shippingTax.amount, 24)
  assert.equal(quote.totals.total.amount, 200 + 490 + 34)
})

test('a foreign currency, a negative price, an unknown rate and a sum too large name their field', () => {
  const fieldOf = (asked: QuoteRequest) => {
    const result = calculateQuote(germany, asked)
    return 'errors' in result ? result.errors.map(error => error.field) : []
  }
  const dollars = { ...line(100), unitPrice: { amount: 100, currency: 'USD' as const } }
  assert.deepEqual(fieldOf(request([line(100), dollars])), ['lines.1.unitPrice.currency'])
  assert.deepEqual(fieldOf(request([line(-1)])), ['lines.0.unitPrice.amount'])
  assert.deepEqual(fieldOf(request([line(100)], 'drone')), ['shippingRateId'])
  assert.deepEqual(fieldOf(request([line(1000, Number.MAX_SAFE_INTEGER)])), ['lines.0.quantity'])
  assert.deepEqual(fieldOf(request([line(AMOUNT_MAX), line(AMOUNT_MAX)])), ['lines'])
  assert.deepEqual(fieldOf(request([line(AMOUNT_MAX)], 'express')), ['lines'])
})

function quoteOf(rules: QuoteRules, asked: QuoteRequest): Quote {
  const result = calculateQuote(rules, asked)
  if ('errors' in result) return assert.fail(JSON.stringify(result.errors))
  return result.quote
}

function amountsIn(quote: Quote): number[] {
  return [
    ...quote.lines.flatMap(priced => [priced.total.amount, priced.tax.amount]),
    ...quote.taxLines.map(tax => tax.amount.amount),
    ...quote.shippingOptions.map(option => option.price.amount),
    quote.shippingTax.amount,
    quote.totals.subtotal.amount,
    quote.totals.shipping.amount,
    quote.totals.tax.amount,
    quote.totals.total.amount,
  ]
}

function withoutLines(quote: Quote): Omit<Quote, 'lines'> {
  const { lines: _, ...rest } = quote
  return rest
}

function sorted(quote: Quote): string[] {
  return quote.lines.map(priced => JSON.stringify(priced)).sort()
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Availability, Product } from './store-api.ts'
import { choicesFor, chosenVariant } from './variant-choice.ts'

function product(
  variants: [sku: string, color: string, size: string, availability?: Availability][],
): Product {
  return {
    options: [
      { name: 'colour', values: [...new Set(variants.map(([, color]) => color))] },
      { name: 'size', values: [...new Set(variants.map(([, , size]) => size))] },
    ],
    variants: variants.map(([sku, colour, size, availability = 'in-stock']) => ({
      sku,
      options: { colour, size },
      color: colour,
      availability,
    })),
  } as unknown as Product
}

test('opens on the first variant that can be bought', () => {
  const vase = product([
    ['A', 'sea', 'M', 'sold-out'],
    ['B', 'ember', 'M', 'low-stock'],
  ])
  assert.equal(chosenVariant(vase, null)?.sku, 'B')
  assert.equal(chosenVariant(vase, 'A')?.sku, 'A')
  assert.equal(chosenVariant(vase, 'unknown')?.sku, 'B')
})

test('keeps the other choices when one changes', () => {
  const vase = product([
    ['sea-m', 'sea', 'M'],
    ['sea-l', 'sea', 'L'],
    ['ember-m', 'ember', 'M'],
    ['ember-l', 'ember', 'L'],
  ])
  const chosen = chosenVariant(vase, 'sea-l')
  assert.ok(chosen)
  const [color, size] = choicesFor(vase, chosen)
  assert.deepEqual(
    color?.values.map(({ variant, isChosen }) => [variant.sku, isChosen]),
    [
      ['sea-l', true],
      ['ember-l', false],
    ],
  )
  assert.deepEqual(
    size?.values.map(({ variant }) => variant.sku),
    ['sea-m', 'sea-l'],
  )
})

test('leads to the nearest variant when the exact combination is not made', () => {
  const vase = product([
    ['sea-l', 'sea', 'L'],
    ['ember-m', 'ember', 'M'],
  ])
  const chosen = chosenVariant(vase, 'sea-l')
  assert.ok(chosen)
  assert.equal(choicesFor(vase, chosen)[0]?.values[1]?.variant.sku, 'ember-m')
})

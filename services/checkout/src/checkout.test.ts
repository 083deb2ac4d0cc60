import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CheckoutState, isFinished, mayBecome, retryDelayMs } from './domain.ts'

const STATES: CheckoutState[] = [
  'reserving',
  'authorizing',
  'awaiting-payment',
  'placing',
  'committing',
  'capturing',
  'completed',
  'undoing',
  'failed',
]
const AFTER_PIVOT: CheckoutState[] = ['committing', 'capturing', 'completed']

test('after the pivot no path leads to undoing, and every path ends', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STATES), { maxLength: 40 }), wishes => {
      const path: CheckoutState[] = ['reserving']
      for (const wish of wishes) if (mayBecome(path.at(-1) as CheckoutState, wish)) path.push(wish)
      const pivot = path.findIndex(state => AFTER_PIVOT.includes(state))
      if (pivot >= 0) assert.ok(path.slice(pivot).every(state => AFTER_PIVOT.includes(state)))
      const once = path.filter(state => state !== 'awaiting-payment')
      assert.equal(new Set(once).size, once.length, 'no state comes twice but the one that waits')
    }),
  )
})

test('a finished checkout stays as it is', () => {
  for (const from of STATES.filter(isFinished))
    for (const to of STATES) assert.equal(mayBecome(from, to), false)
})

test('retries wait longer each time, at most a minute', () => {
  const delays = Array.from({ length: 12 }, (_, index) => retryDelayMs(index + 1))
  assert.deepEqual(delays.slice(0, 4), [1000, 2000, 4000, 8000])
  assert.deepEqual(
    delays,
    [...delays].sort((a, b) => a - b),
  )
  assert.equal(delays.at(-1), 60_000)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MARKETS, marketHref, splitMarket } from './markets.ts'

test('takes the market from the first path segment only when it is one', () => {
  assert.deepEqual(
    ['/', '/us', '/us/p/x', '/uk/', '/usa', '/p/us', '/US'].map(path => {
      const split = splitMarket(path)
      return [split.market.id, split.path]
    }),
    [
      ['eu', '/'],
      ['us', '/'],
      ['us', '/p/x'],
      ['uk', '/'],
      ['eu', '/usa'],
      ['eu', '/p/us'],
      ['eu', '/US'],
    ],
  )
})

test('every link of a market leads back to that market and path', () => {
  const path = fc.stringMatching(/^\/(?:[a-z0-9-]{3,10}\/?){0,4}$/)
  fc.assert(
    fc.property(fc.constantFrom(...MARKETS), path, (market, path) => {
      assert.deepEqual(splitMarket(marketHref(market, path)), { market, path })
    }),
  )
})

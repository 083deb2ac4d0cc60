import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LaneOverloaded } from '@storewright/postgres/lane'
import { problemOf } from './refusal.ts'

const at = { instance: '/api/cart', traceId: 't' }
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

test('a part that cannot be reached is a 503, a late one a 504, anything else a 500', () => {
  const cases: [unknown, number, string][] = [
    [new TypeError('fetch failed', { cause: refused }), 503, 'unavailable'],
    [new LaneOverloaded('orders', 10), 503, 'unavailable'],
    [new DOMException('late', 'TimeoutError'), 504, 'timeout'],
    [new Error('column "x" does not exist'), 500, 'internal'],
    ['thrown text', 500, 'internal'],
  ]
  for (const [error, status, code] of cases) {
    const problem = problemOf(error, at)
    assert.equal(problem.status, status)
    assert.equal(problem.code, code)
    assert.doesNotMatch(problem.detail, /column|ECONNREFUSED|orders/)
  }
})

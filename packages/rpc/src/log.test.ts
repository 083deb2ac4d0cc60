import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { ORPCError } from '@orpc/server'
import { createLogger } from './log.ts'

test('writes neither secrets nor the rows that errors quote', () => {
  let written = ''
  const destination = new Writable({
    write(chunk, _, done) {
      written += String(chunk)
      done()
    },
  })
  const log = createLogger({ level: 'info', destination })
  const detail = 'Failing row contains (canary, Hauptstr. 1)'
  const refused = Object.assign(new Error('violates a check'), { code: '23514', detail })
  log.error({ err: refused }, 'as it is')
  log.error({ err: new Error('outer', { cause: refused }) }, 'as a cause')
  log.error({ err: new AggregateError([refused], 'several') }, 'among others')
  const data = { orders: [{ trackingToken: 'canary' }] }
  log.error({ err: new ORPCError('INTERNAL_SERVER_ERROR', { data }) }, 'a fault with data')
  log.info({ trackingToken: 'canary', order: { trackingUrl: 'canary' } }, 'fields')
  assert.equal(written.trim().split('\n').length, 5)
  assert.ok(written.includes('violates a check'))
  assert.ok(!written.includes('canary'), written)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeCursor, encodeCursor } from './paging.ts'

test('a cursor gives back the sort values it was made of', () => {
  const text = fc.string({ unit: 'grapheme' }).filter(value => !value.includes('\0'))
  const value = fc.oneof(text, fc.integer())
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), values => {
      assert.deepEqual(decodeCursor(encodeCursor(values), values.length), values)
    }),
  )
})

test('text that is no cursor of ours, or hides what no database takes, is not decoded', () => {
  const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const cursor of [
    '',
    '%',
    'e30',
    made({}),
    made([1]),
    made(['a', null]),
    made(['a', '\0']),
    made(['\ud800', 'b']),
  ])
    assert.equal(decodeCursor(cursor, 2), undefined, cursor)
})

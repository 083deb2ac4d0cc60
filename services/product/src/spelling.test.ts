import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearestWord, queryWords } from './spelling.ts'

test('counts swaps, replacements, insertions and deletions as one slip each', () => {
  assert.equal(editDistance('tabel', 'table'), 1)
  assert.equal(editDistance('headfones', 'headphones'), 2)
  assert.equal(editDistance('', 'vase'), 4)
  assert.equal(editDistance('vase', 'vases'), 1)
})

test('the distance is symmetric, zero only for equals, and at most the longer length', () => {
  const word = fc.stringMatching(/^[abc]{0,8}$/)
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b)
      assert.equal(distance, editDistance(b, a))
      assert.equal(distance === 0, a === b)
      assert.ok(distance <= Math.max(a.length, b.length))
      assert.ok(distance >= Math.abs(a.length - b.length))
    }),
  )
})

test('one slip anywhere in a word of five letters or more is repaired', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{5,12}$/),
      fc.nat(),
      fc.stringMatching(/^[a-z]$/),
      (word, at, letter) => {
        const place = at % word.length
        const slip = word.slice(0, place) + letter + word.slice(place + 1)
        assert.equal(nearestWord(slip, [word, 'q']), word)
      },
    ),
  )
})

test('among equally near words the one with the same first letter wins', () => {
  assert.equal(nearestWord('tabel', ['label', 'table']), 'table')
})

test('a word that resembles nothing stays as it is', () => {
  assert.equal(nearestWord('xylophone', ['table', 'lamp']), undefined)
  assert.equal(nearestWord('tv', ['to', 'tx']), undefined)
})

test('words of a query hold letters, marks and digits only, whatever is typed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), text => {
      const words = queryWords(text)
      assert.ok(words.length <= 10)
      for (const word of words) assert.match(word, /^[\p{L}\p{N}\p{M}]{1,80}$/u)
    }),
  )
  assert.deepEqual(queryWords("  Men's  'sea-green' & (lamp | vase):* "), [
    'men',
    's',
    'sea',
    'green',
    'lamp',
    'vase',
  ])
})

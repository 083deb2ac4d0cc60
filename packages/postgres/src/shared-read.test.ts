import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { createSharedRead } from './shared-read.ts'

test('a crowd shares statements, and no answer is older than its question', async () => {
  let value = 0
  let statements = 0
  const read = createSharedRead<string, number>({
    name: 'test',
    read: async keys => {
      statements += 1
      const seen = value
      await sleep(2)
      return new Map(keys.map(key => [key, seen]))
    },
  })
  const answers = Array.from({ length: 300 }, async (_, index) => {
    await sleep(index % 10)
    value += 1
    const asked = value
    const answer = (await read(['a', `k${index}`])).get('a') ?? 0
    assert.ok(answer >= asked, `asked at ${asked}, answered ${answer}`)
  })
  await Promise.all(answers)
  assert.ok(statements < 60, `${statements} statements`)
})

test('everybody finds the keys that exist', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 6 }), { maxLength: 30 }),
      async lists => {
        const read = createSharedRead<string, string>({
          name: 'test',
          read: async keys => {
            assert.equal(new Set(keys).size, keys.length)
            return new Map(keys.filter(key => Number(key) % 2 === 0).map(key => [key, `row ${key}`]))
          },
        })
        await Promise.all(
          lists.map(async list => {
            const found = await read(list.map(String))
            for (const key of list)
              assert.equal(found.get(String(key)), key % 2 === 0 ? `row ${key}` : undefined)
          }),
        )
      },
    ),
  )
})

test('a read that fails fails for those who asked, and the next one works', async () => {
  let broken = true
  const read = createSharedRead<string, string>({
    name: 'test',
    read: async keys => {
      if (broken) throw new Error('down')
      return new Map(keys.map(key => [key, key]))
    },
  })
  await assert.rejects(read(['a']), /down/)
  broken = false
  assert.equal((await read(['a'])).get('a'), 'a')
})

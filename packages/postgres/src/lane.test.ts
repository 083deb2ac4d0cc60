import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { createLane, LaneOverloaded } from './lane.ts'

const coded = (code: string) => Object.assign(new Error(code), { code })

test('merges what arrives while a run is in flight, and runs one at a time', async () => {
  const runs: number[][] = []
  let active = 0
  const lane = createLane<number, number>({
    name: 'numbers',
    maxItems: 100,
    run: async items => {
      assert.equal(++active, 1)
      runs.push(items)
      await sleep(5)
      active--
      return items.map(item => item * 2)
    },
  })
  const first = lane.submit(1)
  await turn()
  await turn()
  const rest = [2, 3, 4].map(item => lane.submit(item))
  assert.equal(lane.pending, 4)
  assert.deepEqual(await Promise.all([first, ...rest]), [2, 4, 6, 8])
  assert.deepEqual(runs, [[1], [2, 3, 4]])
  await lane.close()
  assert.equal(lane.pending, 0)
})

test('keeps to the weight limit, and lets a too heavy item through alone', async () => {
  const runs: number[][] = []
  const lane = createLane<number, number>({
    name: 'weights',
    maxItems: 10,
    weightOf: item => item,
    maxWeight: 10,
    run: async items => {
      runs.push(items)
      return items
    },
  })
  await Promise.all([4, 6, 1, 50, 3].map(item => lane.submit(item)))
  assert.deepEqual(runs, [[4, 6], [1], [50], [3]])
})

test('refuses more than it may hold, without losing what it holds', async () => {
  const lane = createLane<number, number>({
    name: 'small',
    maxItems: 1,
    maxPending: 3,
    run: async items => items,
  })
  const held = [1, 2, 3].map(item => lane.submit(item))
  await assert.rejects(lane.submit(4), LaneOverloaded)
  assert.deepEqual(await Promise.all(held), [1, 2, 3])
})

test('retries a deadlock as a whole, and gives up on one that stays', async () => {
  const sizes: number[] = []
  const passing = createLane<number, number>({
    name: 'passing',
    maxItems: 10,
    run: async items => {
      sizes.push(items.length)
      if (sizes.length < 3) throw coded('40P01')
      return items
    },
  })
  assert.deepEqual(await Promise.all([1, 2].map(item => passing.submit(item))), [1, 2])
  assert.deepEqual(sizes, [2, 2, 2])

  let calls = 0
  const lasting = createLane<number, number>({
    name: 'lasting',
    maxItems: 10,
    run: async () => {
      calls++
      throw coded('40001')
    },
  })
  await assert.rejects(lasting.submit(1), { code: '40001' })
  assert.equal(calls, 5)
})

test('a lost server fails the batch at once instead of asking for every half', async () => {
  let calls = 0
  const lane = createLane<number, number>({
    name: 'lost',
    maxItems: 100,
    run: async () => {
      calls++
      throw coded('ECONNREFUSED')
    },
  })
  const settled = await Promise.allSettled(Array.from({ length: 50 }, (_, item) => lane.submit(item)))
  assert.ok(settled.every(({ status }) => status === 'rejected'))
  assert.equal(calls, 1)
})

test('refuses items after close, and close waits for the accepted ones', async () => {
  let done = false
  const lane = createLane<number, number>({
    name: 'closing',
    maxItems: 1,
    run: async items => {
      await sleep(5)
      done = items.includes(2)
      return items
    },
  })
  const accepted = [lane.submit(1), lane.submit(2)]
  await lane.close()
  assert.equal(done, true)
  await assert.rejects(lane.submit(3), /closed/)
  await Promise.all(accepted)
})

test('each item gets its own result, poison fails alone, order is kept, and nothing takes effect twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ poison: fc.boolean(), weight: fc.nat(5), turns: fc.nat(2) }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (plan, maxItems, maxWeight) => {
        const effects: number[] = []
        const lane = createLane<number, string>({
          name: 'property',
          maxItems,
          maxWeight,
          weightOf: index => plan[index]?.weight ?? 0,
          run: async items => {
            assert.ok(items.length <= maxItems)
            await turn()
            const bad = items.find(index => plan[index]?.poison)
            if (bad !== undefined) throw new Error(`poison ${bad}`)
            effects.push(...items)
            return items.map(index => `result ${index}`)
          },
        })
        const results: Promise<PromiseSettledResult<string>[]>[] = []
        for (const [index, { turns }] of plan.entries()) {
          results.push(Promise.allSettled([lane.submit(index)]))
          for (let i = 0; i < turns; i++) await turn()
        }
        const settled = (await Promise.all(results)).flat()
        settled.forEach((result, index) => {
          if (plan[index]?.poison) {
            assert.equal(result.status, 'rejected')
            assert.equal(result.reason.message, `poison ${index}`)
          } else {
            assert.deepEqual(result, { status: 'fulfilled', value: `result ${index}` })
          }
        })
        assert.deepEqual(
          effects,
          plan.flatMap(({ poison }, index) => (poison ? [] : [index])),
        )
        assert.equal(lane.pending, 0)
      },
    ),
    { numRuns: 60 },
  )
})

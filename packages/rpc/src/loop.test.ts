import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoop } from './loop.ts'

function loop(work: () => Promise<void>, everyMs = 10_000) {
  const faults: unknown[] = []
  return { ...startLoop({ everyMs, work, failed: error => faults.push(error) }), faults }
}

test('works when woken, never twice at a time, and once more for whoever woke it meanwhile', async () => {
  let atOnce = 0
  let most = 0
  let rounds = 0
  const looping = loop(async () => {
    rounds += 1
    most = Math.max(most, ++atOnce)
    await sleep(20)
    atOnce -= 1
  })
  for (let i = 0; i < 10; i += 1) looping.wake()
  await sleep(100)
  await looping.stop()
  assert.equal(most, 1)
  assert.equal(rounds, 2)
})

test('tells a failure and goes on', async () => {
  let rounds = 0
  const looping = loop(async () => {
    rounds += 1
    if (rounds === 1) throw new Error('the first time')
  }, 5)
  while (rounds < 3) await sleep(5)
  await looping.stop()
  assert.equal(looping.faults.length, 1)
})

test('stops after what is under way, and for good', async () => {
  let finished = false
  const looping = loop(async () => {
    await sleep(30)
    finished = true
  })
  looping.wake()
  await looping.stop()
  assert.ok(finished)
  finished = false
  looping.wake()
  await sleep(60)
  assert.equal(finished, false)
})

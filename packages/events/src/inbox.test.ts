import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Database } from '@storewright/postgres/sql'
import fc from 'fast-check'
import { listDeadLetters, retryDeadLetter } from './dead-letter.ts'
import type { StoredEvent } from './event.ts'
import { consumeEvents, type EventHandlers, EventsUnsettled } from './inbox.ts'
import { batchesByType } from './inbox-plan.ts'
import { deletePublished } from './retention.ts'
import { createEventTest, eventOf, heardOf, oneTo, recordingHandlers, writeDown } from './testing.ts'

let database: Database
let drop: () => Promise<void>

before(async () => {
  ;({ database, drop } = await createEventTest())
})
after(() => drop())
beforeEach(() => database.query('truncate inbox, outbox, heard, thing'))

const FAST = { retryBaseMs: 1 }
const series = (id: string, count: number) => oneTo(count).map(seq => eventOf(id, seq))

/** Fails for one aggregate's one event as long as `broken()` says so. */
function poisonedAt(id: string, seq: number, broken: () => boolean = () => true): EventHandlers {
  return {
    thing: {
      'thing.changed': async (sql, events) => {
        await writeDown(sql, events)
        if (broken() && events.some(event => event.aggregateId === id && event.aggregateSeq === seq))
          throw new Error('indigestible')
      },
    },
  }
}

async function redeliver(
  handlers: EventHandlers,
  events: readonly StoredEvent[],
  tries: number,
): Promise<void> {
  for (let turn = 0; turn < tries; turn++) {
    const settled = await consumeEvents(database, handlers, events, FAST).then(
      () => true,
      error => {
        if (!(error instanceof EventsUnsettled)) throw error
        return false
      },
    )
    if (settled) return
    await new Promise(resolve => setTimeout(resolve, 2 ** Math.min(turn, 8)))
  }
  throw new Error('still unsettled')
}

describe('consuming', () => {
  it('processes a redelivered event once', async () => {
    const events = series('a', 3)
    await consumeEvents(database, recordingHandlers, events)
    await consumeEvents(database, recordingHandlers, events)
    await consumeEvents(database, recordingHandlers, events.slice(1, 2))
    assert.deepEqual(await heardOf(database), { a: [1, 2, 3] })
  })

  it('parks what comes before its time and processes it when the missing one arrives', async () => {
    const [one, two, three, four] = series('a', 4)
    assert.ok(one && two && three && four)
    await consumeEvents(database, recordingHandlers, [three])
    await consumeEvents(database, recordingHandlers, [four, one, eventOf('b', 1)])
    assert.deepEqual(await heardOf(database), { a: [1], b: [1] })
    await consumeEvents(database, recordingHandlers, [two])
    assert.deepEqual(await heardOf(database), { a: [1, 2, 3, 4], b: [1] })
    const [held] = await database.query<{ count: number }>(
      `select count(*)::int as count from inbox where state <> 'processed' or payload is not null`,
    )
    assert.equal(held?.count, 0)
  })

  it('acknowledges types it has no handler for, and they leave no gap', async () => {
    const events = [
      eventOf('a', 1),
      eventOf('a', 2, 'thing.forgotten'),
      eventOf('a', 3),
      eventOf('a', 4, 'toString'),
    ]
    await consumeEvents(database, recordingHandlers, events)
    assert.deepEqual(await heardOf(database), { a: [1, 3] })
    await consumeEvents(database, {}, [eventOf('a', 5)])
    await consumeEvents(database, recordingHandlers, [eventOf('a', 6)])
    assert.deepEqual(await heardOf(database), { a: [1, 3, 6] })
  })

  it('rolls the handler’s writes back with the inbox', async () => {
    let broken = true
    const events = series('a', 2)
    const handlers = poisonedAt('a', 2, () => broken)
    await assert.rejects(
      consumeEvents(database, handlers, events, FAST),
      /first thing a after Error: indigestible/,
    )
    assert.deepEqual(await heardOf(database), { a: [1] })
    broken = false
    await redeliver(handlers, events, 5)
    assert.deepEqual(await heardOf(database), { a: [1, 2] })
  })

  it('sets only the poisoned aggregate aside, and resumes it in order', async () => {
    let broken = true
    const handlers = poisonedAt('bad', 2, () => broken)
    const events = [...series('bad', 4), ...series('good', 3), ...series('fine', 1)]
    await redeliver(handlers, events, 20)
    assert.deepEqual(await heardOf(database), { bad: [1], good: [1, 2, 3], fine: [1] })
    const [letter] = await listDeadLetters(database)
    assert.ok(letter)
    assert.deepEqual([letter.aggregateId, letter.eventId], ['bad', events[1]?.id])
    assert.deepEqual([letter.attempts, letter.waiting], [8, 2])
    assert.match(letter.error, /indigestible/)

    await consumeEvents(database, handlers, [eventOf('bad', 5), eventOf('good', 4)])
    assert.deepEqual((await heardOf(database)).good, [1, 2, 3, 4])
    const failed = await retryDeadLetter(database, handlers, letter.eventId)
    assert.equal(failed?.processed, 0)
    assert.match(failed?.error ?? '', /indigestible/)
    assert.equal((await listDeadLetters(database))[0]?.attempts, 9)
    broken = false
    assert.deepEqual(await retryDeadLetter(database, handlers, letter.eventId), { processed: 4, error: null })
    assert.deepEqual((await heardOf(database)).bad, [1, 2, 3, 4, 5])
    assert.deepEqual(await listDeadLetters(database), [])
    assert.equal(await retryDeadLetter(database, handlers, letter.eventId), undefined)
  })

  it('never loses sight of what waits behind a dead event, though the retry ends in the middle', async () => {
    let broken = true
    const events = series('bad', 4)
    await redeliver(
      poisonedAt('bad', 2, () => broken),
      events,
      20,
    )
    broken = false
    const dead = (await listDeadLetters(database))[0]?.eventId
    assert.ok(dead)
    // As a killed process: the transaction of event 2 is committed, the next one never begins.
    let transactions = 0
    const dying: typeof database = {
      ...database,
      transaction: work =>
        ++transactions > 1 ? Promise.reject(new Error('killed')) : database.transaction(work),
    }
    await assert.rejects(retryDeadLetter(dying, recordingHandlers, dead), /killed/)
    const [next] = await listDeadLetters(database)
    assert.deepEqual([next?.eventId, next?.waiting], [events[2]?.id, 1])
    await retryDeadLetter(database, recordingHandlers, events[2]?.id ?? dead)
    assert.deepEqual(await heardOf(database), { bad: [1, 2, 3, 4] })
  })

  it('blames the parked event that fails, not the one that freed it', async () => {
    const handlers = poisonedAt('a', 2)
    const [one, two] = series('a', 2)
    assert.ok(one && two)
    await consumeEvents(database, handlers, [two])
    await redeliver(handlers, [one], 20)
    assert.deepEqual(await heardOf(database), { a: [1] })
    assert.equal((await listDeadLetters(database))[0]?.eventId, two.id)
  })

  it('forgets old events but not that it knows them', async () => {
    const events = series('a', 3)
    await consumeEvents(database, recordingHandlers, events)
    await database.query(`update inbox set received_at = now() - interval '3 days'`)
    assert.equal(await deletePublished(database, 48), 2)
    await consumeEvents(database, recordingHandlers, events)
    await consumeEvents(database, recordingHandlers, [eventOf('a', 4)])
    assert.deepEqual(await heardOf(database), { a: [1, 2, 3, 4] })
  })

  it('ends with each event once and in order, whatever the schedule', async () => {
    const schedule = fc.record({
      sizes: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }),
      seed: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
      batchSize: fc.integer({ min: 1, max: 7 }),
      failures: fc.integer({ min: 0, max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(schedule, async ({ sizes, seed, batchSize, failures }) => {
        await database.query('truncate inbox, heard')
        const random = () => seed.next().value ?? 0
        let failuresLeft = failures
        const handler = async (sql: Parameters<typeof writeDown>[0], events: readonly StoredEvent[]) => {
          await writeDown(sql, events)
          if (failuresLeft > 0 && random() < 0.2) {
            failuresLeft--
            throw new Error('by chance')
          }
        }
        const handlers: EventHandlers = { thing: { 'thing.changed': handler, 'thing.renamed': handler } }
        const all = sizes.flatMap((size, index) =>
          oneTo(size).map(seq =>
            eventOf(`t${index}`, seq, random() < 0.5 ? 'thing.changed' : 'thing.renamed'),
          ),
        )
        const delivered = [...all, ...all]
          .map(event => ({ event, key: random() }))
          .sort((a, b) => a.key - b.key)
          .map(({ event }) => event)
        const batches: StoredEvent[][] = []
        while (delivered.length > 0) batches.push(delivered.splice(0, batchSize))
        const workers = Array.from({ length: 3 }, async () => {
          for (let batch = batches.shift(); batch; batch = batches.shift())
            await redeliver(handlers, batch, 30)
        })
        await Promise.all(workers)
        const wanted = Object.fromEntries(sizes.map((size, index) => [`t${index}`, oneTo(size)]))
        const heard = await heardOf(database)
        assert.deepEqual(Object.fromEntries(Object.entries(heard).sort()), wanted)
      }),
      { numRuns: 25 },
    )
  })
})

describe('batching by type', () => {
  it('keeps each aggregate’s order and loses nothing', () => {
    const runs = fc.array(fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 6 }), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(runs, types => {
        const input = types.map((list, index) => list.map((type, seq) => eventOf(`t${index}`, seq + 1, type)))
        const batches = batchesByType(input)
        for (const batch of batches) assert.equal(new Set(batch.map(event => event.type)).size, 1)
        input.forEach((events, index) => {
          assert.deepEqual(
            batches.flat().filter(event => event.aggregateId === `t${index}`),
            events,
          )
        })
      }),
    )
  })

  it('makes one batch of what many aggregates have in common', () => {
    assert.equal(batchesByType(oneTo(50).map(n => series(`t${n}`, 3))).length, 1)
  })
})

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@storewright/postgres/sql'
import fc from 'fast-check'
import { type Dispatcher, type Subscriber, startDispatcher } from './dispatcher.ts'
import type { StoredEvent } from './event.ts'
import { consumeEvents } from './inbox.ts'
import { appendEvents } from './outbox.ts'
import { deletePublished } from './retention.ts'
import { createEventTest, heardOf, oneTo, publishChanges, recordingHandlers } from './testing.ts'

let database: Database
let drop: () => Promise<void>
let running: Dispatcher[] = []

before(async () => {
  ;({ database, drop } = await createEventTest())
})
after(async () => {
  await Promise.all(running.map(dispatcher => dispatcher.stop()))
  await drop()
})
beforeEach(async () => {
  await Promise.all(running.map(dispatcher => dispatcher.stop()))
  running = []
  await database.query('truncate inbox, outbox, heard, thing, outbox_process')
  await database.query('update outbox_partition set owner = null, lease_until = null')
})

const SILENT = { info() {}, warn() {} }

function start(
  subscribers: readonly Subscriber[],
  options: { pollMs?: number; leaseMs?: number; batchSize?: number } = {},
): Dispatcher {
  const dispatcher = startDispatcher({
    database,
    service: 'eventtest',
    subscribers,
    log: SILENT,
    pollMs: 50,
    ...options,
  })
  running.push(dispatcher)
  return dispatcher
}

const inboxSubscriber: Subscriber = {
  consumer: 'inbox',
  aggregateTypes: ['thing'],
  deliver: events => consumeEvents(database, recordingHandlers, events),
}

function listener(consumer: string, deliver: (events: StoredEvent[]) => Promise<void>): Subscriber {
  return { consumer, aggregateTypes: ['thing'], deliver }
}

async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(10)
  }
}

const allPublished = async () => {
  const [row] = await database.query<{ left: number }>(
    'select count(*)::int as left from outbox where published_at is null',
  )
  return row?.left === 0
}

function ids(count: number, prefix = 't'): string[] {
  return oneTo(count).map(n => `${prefix}${n}`)
}

describe('dispatching', () => {
  it('brings each event once and in order from many publishers, through two dispatchers that fight', async () => {
    const [one, two] = [
      start([inboxSubscriber], { leaseMs: 300 }),
      start([inboxSubscriber], { leaseMs: 300 }),
    ]
    const publishers = oneTo(6).map(async worker => {
      for (let round = 0; round < 10; round++) {
        await publishChanges(database, ids(5 + (worker % 3)))
        one.wake()
        two.wake()
      }
    })
    await Promise.all(publishers)
    await until('all published', allPublished)
    const versions = await database.query<{ id: string; version: number }>(
      'select id, version from thing order by id',
    )
    assert.deepEqual(
      Object.fromEntries(Object.entries(await heardOf(database)).sort()),
      Object.fromEntries(versions.map(({ id, version }) => [id, oneTo(version)])),
    )
    await until('a fair share for both', async () => {
      const owners = await database.query<{ count: number }>(
        'select count(*)::int as count from outbox_partition group by owner',
      )
      return owners.map(row => row.count).join() === '4,4'
    })
  })

  it('starts at once when woken, and by itself when nobody wakes it', async () => {
    const dispatcher = start([inboxSubscriber], { pollMs: 400 })
    await until('leases', async () => {
      const [row] = await database.query<{ count: number }>(
        'select count(owner)::int as count from outbox_partition',
      )
      return row?.count === 8
    })
    await sleep(50)
    await publishChanges(database, ['a'])
    dispatcher.wake()
    await until('woken', async () => (await heardOf(database)).a?.length === 1)
    await publishChanges(database, ['a'])
    await until('polled', async () => (await heardOf(database)).a?.length === 2, 2000)
  })

  it('repeats a delivery whose acknowledgement was lost, and it counts once', async () => {
    let crashes = 3
    const subscriber = listener('inbox', async events => {
      await inboxSubscriber.deliver(events)
      if (crashes-- > 0) throw new Error('died after the commit')
    })
    await publishChanges(database, ids(4))
    start([subscriber])
    await until('all published', allPublished)
    assert.deepEqual(await heardOf(database), { t1: [1], t2: [1], t3: [1], t4: [1] })
  })

  it('takes over the partitions of a process that died', async () => {
    await database.query(
      `update outbox_partition set owner = 'dead', lease_until = now() + interval '400 ms', lease_epoch = 7`,
    )
    await publishChanges(database, ['a'])
    start([inboxSubscriber], { leaseMs: 300 })
    await sleep(150)
    assert.deepEqual(await heardOf(database), {})
    await until('taken over', allPublished, 3000)
    const [row] = await database.query<{ epoch: number }>(
      'select min(lease_epoch) as epoch from outbox_partition',
    )
    assert.equal(row?.epoch, 8)
  })

  it('does not let a failing or hanging consumer hold up another', async () => {
    let release = () => {}
    const hanging = new Promise<void>(resolve => {
      release = resolve
    })
    const failing = listener('failing', () => Promise.reject(new Error('down')))
    start([inboxSubscriber, failing, listener('hanging', () => hanging)], { batchSize: 10 })
    for (let round = 0; round < 5; round++) await publishChanges(database, ids(10))
    await until('heard', async () => Object.values(await heardOf(database)).flat().length === 50, 3000)
    const [row] = await database.query<{ ready: number; published: number }>(
      `select count(*) filter (where delivered @> '{inbox}')::int as ready, count(published_at)::int as published from outbox`,
    )
    assert.deepEqual(row, { ready: 50, published: 0 })
    assert.equal((await running[0]?.backlog())?.unpublished, 50)
    release()
  })

  it('lets other aggregates pass while one is refused', async () => {
    let broken = true
    const heard: string[] = []
    const subscriber = listener('picky', async events => {
      if (broken && events.some(event => event.aggregateId === 't7')) throw new Error('not this one')
      heard.push(...events.map(event => event.aggregateId))
    })
    await publishChanges(database, ids(40))
    start([subscriber])
    await until('39 others', () => heard.length === 39, 2000)
    await publishChanges(database, ids(40))
    await until('39 others again', () => heard.length === 78, 2000)
    broken = false
    await until('all published', allPublished, 5000)
    assert.equal(heard.filter(id => id === 't7').length, 2)
  })

  it('does not skip a transaction that drew its position early and commits late', async () => {
    start([inboxSubscriber], { pollMs: 20 })
    await database.transaction(async sql => {
      await appendEvents(sql, [
        {
          aggregateType: 'thing',
          aggregateId: 'late',
          aggregateSeq: 1,
          type: 'thing.changed',
          payload: null,
        },
      ])
      for (let round = 0; round < 5; round++) {
        await publishChanges(database, ['early'])
        await sleep(60) // polls pass, each with a chance to move its floor too far
      }
      assert.deepEqual(await heardOf(database), { early: [1, 2, 3, 4, 5] })
    })
    await until('the late one', async () => (await heardOf(database)).late !== undefined, 2000)
  })

  it('publishes what nobody hears, and no longer waits for a consumer that was removed', async () => {
    await appendEvents(database, [
      { aggregateType: 'rumor', aggregateId: 'r', aggregateSeq: 1, type: 'rumor.spread', payload: {} },
    ])
    await publishChanges(database, ['a'])
    await database.query(`update outbox set delivered = '{inbox}' where aggregate_id = 'a'`)
    const dispatcher = start([inboxSubscriber])
    await until('all published', allPublished, 2000)
    assert.deepEqual(await heardOf(database), {})
    assert.deepEqual(await dispatcher.backlog(), { unpublished: 0, oldestAgeMs: 0 })
    await appendEvents(database, [
      { aggregateType: 'rumor', aggregateId: 'r', aggregateSeq: 2, type: 'rumor.spread', payload: {} },
    ])
    await until('published while running', allPublished, 2000)
    assert.equal(await deletePublished(database, -1), 3)
  })

  it('refuses a sequence number twice', async () => {
    const event = {
      aggregateType: 'thing',
      aggregateId: 'a',
      aggregateSeq: 1,
      type: 'thing.changed',
      payload: 1,
    }
    await appendEvents(database, [event])
    await assert.rejects(appendEvents(database, [event]), { code: '23505' })
  })

  it('carries six thousand events of four publishers at once, each exactly once', async () => {
    const dispatcher = start([inboxSubscriber])
    const total = 6000
    const publishers = oneTo(4).map(async worker => {
      for (let n = 0; n < total / 4; n += 10) {
        await publishChanges(
          database,
          oneTo(10).map(k => `w${worker}-${n + k}`),
        )
        dispatcher.wake()
      }
    })
    await Promise.all(publishers)
    await until('all published', allPublished, 20_000)
    assert.equal(Object.values(await heardOf(database)).flat().length, total)
  })

  it('ends with each event once and in order, whatever happens on the way', async () => {
    const happening = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('publish' as const),
          count: fc.integer({ min: 1, max: 6 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), after: fc.boolean() }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('restart' as const),
          index: fc.integer({ min: 0, max: 1 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 30 }) }),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 12 }), async happenings => {
        await database.query('truncate inbox, outbox, heard, thing')
        const failures: { after: boolean }[] = []
        const subscriber = listener('inbox', async events => {
          const failure = failures.shift()
          if (failure && !failure.after) throw new Error('before')
          await inboxSubscriber.deliver(events)
          if (failure?.after) throw new Error('after')
        })
        const options = { leaseMs: 200, pollMs: 20, batchSize: 7 }
        const pair = [start([subscriber], options), start([subscriber], options)]
        const publishing: Promise<void>[] = []
        for (const step of happenings) {
          if (step.kind === 'publish') publishing.push(publishChanges(database, ids(step.count)))
          else if (step.kind === 'fail') failures.push(step)
          else if (step.kind === 'pause') await sleep(step.ms)
          else {
            await pair[step.index]?.stop()
            pair[step.index] = start([subscriber], options)
          }
        }
        await Promise.all(publishing)
        await until('all published', allPublished)
        await Promise.all(pair.map(dispatcher => dispatcher.stop()))
        running = []
        const versions = await database.query<{ id: string; version: number }>(
          'select id, version from thing order by id',
        )
        assert.deepEqual(
          Object.fromEntries(Object.entries(await heardOf(database)).sort()),
          Object.fromEntries(versions.map(({ id, version }) => [id, oneTo(version)])),
        )
      }),
      { numRuns: 12 },
    )
  })
})

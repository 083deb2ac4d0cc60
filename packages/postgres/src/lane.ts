import { setTimeout as sleep } from 'node:timers/promises'
import { isConnectionFailure, isSerializationFailure } from './errors.ts'

/**
 * A micro-batching lane: callers that arrive while a statement is in flight share the next one. On a hot row this
 * is the difference between one commit per shopper and one per batch; an idle lane adds no wait.
 */
export interface Lane<Item, Result> {
  /** Rejects with `LaneOverloaded` when too many wait, else with what `run` rejects for this item. */
  submit(item: Item): Promise<Result>
  /** Items waiting or in flight. */
  readonly pending: number
  /** Refuses new items; resolves when the accepted ones are settled. */
  close(): Promise<void>
}

export interface LaneOptions<Item, Result> {
  name: string
  /** The most items that one run gets. */
  maxItems: number
  /**
   * One transaction for all `items`: their results in the same order, or a rejection that left no trace. It is
   * called again with fewer items after a rejection, so it must not count on being called once per item.
   */
  run: (items: Item[]) => Promise<Result[]>
  /** For items of unequal size, such as carts with several lines; an item heavier than `maxWeight` runs alone. */
  weightOf?: (item: Item) => number
  maxWeight?: number
  maxPending?: number
}

/** About a second of work at the measured rates; whoever waits longer has given up. */
const MAX_PENDING = 10_000
/** Deadlocks and serialization failures need another process at the same rows: a few tries get past it. */
const RETRIES = 4
const RETRY_BASE_MS = 5

export class LaneOverloaded extends Error {
  constructor(name: string, maxPending: number) {
    super(`lane ${name} is overloaded: ${maxPending} items are waiting`)
    this.name = 'LaneOverloaded'
  }
}

interface Waiting<Item, Result> {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

export function createLane<Item, Result>(options: LaneOptions<Item, Result>): Lane<Item, Result> {
  const { name, maxItems, run } = options
  const weightOf = options.weightOf ?? (() => 1)
  const maxWeight = options.maxWeight ?? Number.POSITIVE_INFINITY
  const maxPending = options.maxPending ?? MAX_PENDING
  let queue: Waiting<Item, Result>[] = []
  let inFlight = 0
  let busy = false
  let closed = false
  const whenIdle: (() => void)[] = []

  function flush(): void {
    if (busy) return
    busy = true
    // On the next turn of the event loop: everybody who is ready now gets in.
    setImmediate(async () => {
      const batch = takeBatch()
      inFlight = batch.length
      await settle(batch)
      busy = false
      if (queue.length > 0) flush()
      else for (const resolve of whenIdle.splice(0)) resolve()
    })
  }

  function takeBatch(): Waiting<Item, Result>[] {
    let weight = 0
    let count = 0
    for (const { item } of queue) {
      weight += weightOf(item)
      if (count === maxItems || (count > 0 && weight > maxWeight)) break
      count++
    }
    const batch = queue.slice(0, count)
    queue = queue.slice(count)
    return batch
  }

  /** Never rejects. Halves are run one after the other: the order of arrival holds, and they cannot deadlock. */
  async function settle(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await runWithRetries(batch.map(({ item }) => item))
      inFlight -= batch.length
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as Result)
      })
    } catch (error) {
      // Halving finds the one item at fault; a lost server is nobody's fault and would be asked 2n times.
      if (batch.length === 1 || error instanceof WrongLength || isConnectionFailure(error)) {
        inFlight -= batch.length
        for (const { reject } of batch) reject(error)
        return
      }
      const middle = batch.length >> 1
      await settle(batch.slice(0, middle))
      await settle(batch.slice(middle))
    }
  }

  async function runWithRetries(items: Item[]): Promise<Result[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        const results = await run([...items])
        if (results.length !== items.length) throw new WrongLength(name, results.length, items.length)
        return results
      } catch (error) {
        if (!isSerializationFailure(error) || attempt === RETRIES) throw error
        await sleep(RETRY_BASE_MS * 2 ** attempt * (0.5 + Math.random()))
      }
    }
  }

  return {
    get pending() {
      return queue.length + inFlight
    },
    submit(item) {
      if (closed) return Promise.reject(new Error(`lane ${name} is closed`))
      if (queue.length + inFlight >= maxPending) return Promise.reject(new LaneOverloaded(name, maxPending))
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        flush()
      })
    },
    close() {
      closed = true
      if (!busy) return Promise.resolve()
      return new Promise(resolve => {
        whenIdle.push(resolve)
      })
    },
  }
}

/** A fault in `run` itself: its effect may stand, so it is not run again. */
class WrongLength extends Error {
  constructor(name: string, got: number, wanted: number) {
    super(`lane ${name}: run gave ${got} results for ${wanted} items`)
  }
}

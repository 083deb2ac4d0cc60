import { aggregateKey, type StoredEvent } from './event.ts'

/** A row of the inbox that is not processed. */
export interface HeldEvent {
  readonly event: StoredEvent
  readonly state: 'parked' | 'dead'
  /** How often its handler has failed; 0 when it only waits for the events before it. */
  readonly attempts: number
  /** It failed, and the time of its next try has not come. */
  readonly resting: boolean
  /** What it failed with. */
  readonly error: string | null
}

/** What the inbox knows of one aggregate. */
export interface AggregateInbox {
  /** 0 when nothing was processed yet. */
  readonly lastSeq: number
  readonly held: readonly HeldEvent[]
}

export interface InboxPlan {
  /** Per aggregate in order without a gap, from the one after the last processed. */
  readonly ready: readonly StoredEvent[][]
  /** New ones that must wait for those before them. */
  readonly park: readonly StoredEvent[]
  readonly unsettled: readonly Unsettled[]
}

/** An aggregate that stands behind an event which failed and will be tried again. */
export interface Unsettled {
  readonly key: string
  readonly error: string
}

/** Decides what may run now. Events already processed are dropped; held ones join when their turn has come. */
export function planInbox(
  delivered: readonly StoredEvent[],
  known: ReadonlyMap<string, AggregateInbox>,
): InboxPlan {
  const ready: StoredEvent[][] = []
  const park: StoredEvent[] = []
  const unsettled: Unsettled[] = []
  for (const [key, events] of groupBySequence(delivered)) {
    const inbox = known.get(key) ?? { lastSeq: 0, held: [] }
    const held = new Map(inbox.held.map(item => [item.event.aggregateSeq, item]))
    const run: StoredEvent[] = []
    for (let seq = inbox.lastSeq + 1; ; seq++) {
      const waiting = held.get(seq)
      if (waiting?.state === 'dead') break
      if (waiting?.resting) {
        unsettled.push({ key, error: waiting.error ?? '' })
        break
      }
      const event = waiting?.event ?? events.get(seq)
      if (!event) break
      run.push(event)
    }
    if (run.length > 0) ready.push(run)
    const reached = inbox.lastSeq + run.length
    for (const [seq, event] of events) if (seq > reached && !held.has(seq)) park.push(event)
  }
  return { ready, park, unsettled }
}

/**
 * Cuts the runs of many aggregates into few batches of one type, each aggregate's order kept: takes the type that
 * stands first, and from every aggregate all it has of that type at its head.
 */
export function batchesByType(runs: readonly StoredEvent[][]): StoredEvent[][] {
  const batches: StoredEvent[][] = []
  let queues = runs.map(events => ({ events, at: 0 }))
  while (queues.length > 0) {
    const first = queues[0]?.events[queues[0].at]
    if (!first) break
    const batch: StoredEvent[] = []
    for (const queue of queues) {
      for (
        let event = queue.events[queue.at];
        event && isSameType(event, first);
        event = queue.events[queue.at]
      ) {
        batch.push(event)
        queue.at++
      }
    }
    batches.push(batch)
    queues = queues.filter(queue => queue.at < queue.events.length)
  }
  return batches
}

function isSameType(a: StoredEvent, b: StoredEvent): boolean {
  return a.aggregateType === b.aggregateType && a.type === b.type
}

function groupBySequence(events: readonly StoredEvent[]): Map<string, Map<number, StoredEvent>> {
  const groups = new Map<string, Map<number, StoredEvent>>()
  for (const event of events) {
    const key = aggregateKey(event)
    const group = groups.get(key) ?? new Map<number, StoredEvent>()
    if (!group.has(event.aggregateSeq)) group.set(event.aggregateSeq, event)
    groups.set(key, group)
  }
  return groups
}

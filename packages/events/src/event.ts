import type { Id } from '@storewright/kernel/ids'

/** What has happened to one aggregate. */
export interface NewEvent {
  readonly aggregateType: string
  readonly aggregateId: string
  /** Starts at 1 and has no gap: the version of the aggregate's row after the change. */
  readonly aggregateSeq: number
  /** Noun and participle: `order.placed`. */
  readonly type: string
  /** JSON. */
  readonly payload: unknown
}

export interface StoredEvent extends NewEvent {
  readonly id: Id<'event'>
  /** ISO 8601, UTC: when the business transaction began. */
  readonly occurredAt: string
  readonly trace: string | null
}

/** The columns of a stored event as both tables name them. */
export interface EventRow {
  readonly id: Id<'event'>
  readonly aggregate_type: string
  readonly aggregate_id: string
  readonly aggregate_seq: number
  readonly type: string
  readonly payload: unknown
  readonly occurred_at: Date
  readonly trace: string | null
}

export function eventOfRow(row: EventRow): StoredEvent {
  return {
    id: row.id,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    aggregateSeq: row.aggregate_seq,
    type: row.type,
    payload: row.payload,
    occurredAt: row.occurred_at.toISOString(),
    trace: row.trace,
  }
}

/** One text per aggregate. The separator cannot stand in an aggregate type. */
export function aggregateKey(event: { aggregateType: string; aggregateId: string }): string {
  return `${event.aggregateType}\n${event.aggregateId}`
}

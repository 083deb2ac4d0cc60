import { idSchema } from '@storewright/kernel/ids'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** An event as it travels: what has happened to one aggregate, in that aggregate's own order. */
export const storedEventSchema = z.strictObject({
  id: idSchema('event'),
  aggregateType: z.string(),
  aggregateId: z.string(),
  aggregateSeq: z.int().min(1),
  type: z.string(),
  payload: z.unknown(),
  occurredAt: z.string(),
  trace: z.string().nullable(),
})

/** Part of the contract of every service that hears events. Resolves once all are stored or already known. */
export const receiveEvents = operation
  .meta({ access: 'internal' })
  .input(z.strictObject({ events: z.array(storedEventSchema).max(1000) }))
  .output(z.object({}))

export const deadLetterSchema = z
  .object({
    eventId: idSchema('event'),
    type: z.string(),
    aggregateType: z.string(),
    aggregateId: z.string(),
    occurredAt: z.iso.datetime(),
    receivedAt: z.iso.datetime(),
    attempts: z.int(),
    error: z.string(),
    waiting: z.int().describe('events of the same aggregate that wait behind it'),
  })
  .meta({ id: 'DeadLetter', description: 'An event that a service could not take in, and set aside.' })

export const retriedSchema = z.object({
  processed: z.int().describe('events taken in: this one, and those that waited behind it'),
  error: z.string().nullable().describe('why it stopped; null when nothing waits any more'),
})

/** Part of the contract of every service that hears events: what staff can do about those it could not take in. */
export function deadLetterOperations(service: string) {
  const path = `/admin/events/${service}/dead-letters` as const
  return {
    listDeadLetters: operation
      .meta({ access: 'staff', rateClass: 'read' })
      .route({
        method: 'GET',
        path,
        tags: ['Staff'],
        summary: `List events that ${service} could not take in`,
        description: 'Oldest first, at most 200. Other events of the same aggregate wait behind each.',
      })
      .input(z.strictObject({}).optional())
      .output(z.object({ items: z.array(deadLetterSchema) })),

    retryDeadLetter: operation
      .meta({ access: 'staff', rateClass: 'write' })
      .route({
        method: 'POST',
        path: `${path}/{eventId}/retry`,
        tags: ['Staff'],
        summary: `Let ${service} try such an event again, and what waits behind it`,
      })
      .input(z.strictObject({ eventId: idSchema('event') }))
      .output(retriedSchema)
      .errors(refusals.notFound),
  }
}

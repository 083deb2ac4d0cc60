import { idSchema } from '@storewright/kernel/ids'
import { operation } from '@storewright/rpc/contract'
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

import { deadLetterOperations, receiveEvents } from '@storewright/events/contract'
import { idSchema } from '@storewright/kernel/ids'
import { pageInput, pageOf } from '@storewright/kernel/paging'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

const messageSchema = z
  .object({
    messageId: idSchema('message'),
    kind: z.enum(['order-confirmation']),
    channel: z.enum(['email']),
    to: z.string(),
    subject: z.string(),
    aboutId: z.string().describe('the order it speaks of'),
    state: z.enum(['queued', 'sending', 'sent', 'failed']),
    attempts: z.int(),
    lastError: z.string().nullable(),
    createdAt: z.iso.datetime(),
    sentAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Message' })

export const notificationContract = {
  listMessages: operation
    .meta({ access: 'staff', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/admin/messages',
      tags: ['Staff'],
      summary: 'List messages, newest first',
    })
    .input(
      z.strictObject({ state: z.enum(['queued', 'sending', 'sent', 'failed']).optional(), ...pageInput }),
    )
    .output(pageOf(messageSchema))
    .errors({ ...refusals.invalid }),

  resendMessage: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'POST',
      path: '/admin/messages/{messageId}/resend',
      tags: ['Staff'],
      summary: 'Send a message again',
    })
    .input(z.strictObject({ messageId: idSchema('message') }))
    .output(messageSchema)
    .errors({ ...refusals.notFound, ...refusals.idempotency }),

  receiveEvents,
  ...deadLetterOperations('notification'),
}

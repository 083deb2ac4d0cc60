import { idSchema } from '@storewright/kernel/ids'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

const apiKeySchema = z
  .object({
    apiKeyId: idSchema('apiKey'),
    label: z.string(),
    createdAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().nullable(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' })

export const authContract = {
  createGuest: operation
    .meta({ access: 'public', rateClass: 'write' })
    .route({
      method: 'POST',
      path: '/guests',
      tags: ['Identity'],
      summary: 'Get a guest identity',
      description:
        'Carts and checkouts belong to a guest. Browsers get one as a cookie by themselves; other clients ask for one here and send it as `Authorization: Bearer <token>`.',
      successStatus: 201,
    })
    .input(z.strictObject({}).optional())
    .output(z.object({ guestId: idSchema('guest'), token: z.string() })),

  claimAdminLink: operation
    .meta({ access: 'public', rateClass: 'credential' })
    .route({
      method: 'POST',
      path: '/admin/claim',
      tags: ['Identity'],
      summary: 'Use the one-time admin link',
      description:
        'Answers with a staff API key, shown only this once. A link works once and for a limited time.',
    })
    .input(z.strictObject({ token: z.string().min(1).max(200) }))
    .output(z.object({ apiKey: z.string(), apiKeyId: idSchema('apiKey') }))
    .errors({
      'admin-link-invalid': {
        status: 403,
        message: 'This admin link was used already, has expired, or never existed.',
      },
    }),

  listApiKeys: operation
    .meta({ access: 'staff', rateClass: 'read' })
    .route({ method: 'GET', path: '/admin/api-keys', tags: ['Staff'], summary: 'List staff API keys' })
    .input(z.strictObject({}).optional())
    .output(z.object({ items: z.array(apiKeySchema) })),

  revokeApiKey: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'DELETE',
      path: '/admin/api-keys/{apiKeyId}',
      tags: ['Staff'],
      summary: 'Revoke a staff API key',
    })
    .input(z.strictObject({ apiKeyId: idSchema('apiKey') }))
    .output(z.object({}))
    .errors(refusals.notFound),

  createAdminLink: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ validMinutes: z.int().min(1).max(1440) }))
    .output(z.object({ token: z.string(), expiresAt: z.iso.datetime() })),

  authenticateApiKey: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ apiKey: z.string().max(200) }))
    .output(z.object({ staffId: idSchema('staff'), permissions: z.array(z.string()) }).nullable()),
}

import { newId } from '@storewright/kernel/ids'
import { implement } from '@storewright/rpc/implement'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { authContract } from './contract.ts'
import { looksLikeApiKey, newApiKey, newLinkToken, secretHash } from './domain.ts'
import { exchangeAdminLink, findKeyHolder, insertAdminLink, listKeyRows, revokeKey } from './store.ts'

export const authService = defineService({
  name: 'auth',
  contract: authContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: [],
  hears: [],
  maxConnections: 2,
  start: async environment => start(environment),
})

function start(environment: ServiceEnvironment<Record<never, never>>): RunningService {
  const { database, log } = environment
  const guests = environment.signer('guest')
  const os = implement(authContract)

  const router = os.router({
    // Nothing is stored: a guest exists once something belongs to it.
    createGuest: os.createGuest.handler(() => {
      const guestId = newId('guest')
      return { guestId, token: guests.sign(guestId) }
    }),

    createAdminLink: os.createAdminLink.handler(async ({ input }) => {
      const token = newLinkToken()
      const expiresAt = await insertAdminLink(database, secretHash(token), input.validMinutes)
      return { token, expiresAt: expiresAt.toISOString() }
    }),

    claimAdminLink: os.claimAdminLink.handler(async ({ input, context, errors }) => {
      const apiKey = newApiKey()
      const key = {
        apiKeyId: newId('apiKey'),
        keyHash: secretHash(apiKey),
        staffId: newId('staff'),
        label: 'Administrator, by one-time link',
      }
      const claimed = await exchangeAdminLink(database, secretHash(input.token), key)
      log.info({ traceId: context.traceId, claimed, apiKeyId: key.apiKeyId }, 'admin link presented')
      if (!claimed) throw errors['admin-link-invalid']()
      return { apiKey, apiKeyId: key.apiKeyId }
    }),

    authenticateApiKey: os.authenticateApiKey.handler(async ({ input }) => {
      if (!looksLikeApiKey(input.apiKey)) return null
      const holder = await findKeyHolder(database, secretHash(input.apiKey))
      return holder ? { staffId: holder.staff_id, permissions: holder.permissions } : null
    }),

    listApiKeys: os.listApiKeys.handler(async () => {
      const rows = await listKeyRows(database)
      return {
        items: rows.map(row => ({
          apiKeyId: row.api_key_id,
          label: row.label,
          createdAt: row.created_at.toISOString(),
          lastUsedAt: row.last_used_at?.toISOString() ?? null,
          revokedAt: row.revoked_at?.toISOString() ?? null,
        })),
      }
    }),

    revokeApiKey: os.revokeApiKey.handler(async ({ input, context, errors }) => {
      if (!(await revokeKey(database, input.apiKeyId))) throw errors['not-found']()
      log.info({ traceId: context.traceId, apiKeyId: input.apiKeyId }, 'api key revoked')
      return {}
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1')),
    stop: async () => {},
  }
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createRouterClient } from '@orpc/server'
import { systemClock } from '@storewright/kernel/clock'
import { isId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { refusalCode } from '@storewright/rpc/refusal'
import type { ServiceClient } from '@storewright/rpc/service'
import type { authContract } from './contract.ts'
import { looksLikeApiKey, newApiKey } from './domain.ts'
import { authService } from './service.ts'

let fixture: TestDatabase
let auth: ServiceClient<typeof authContract>
const logged: string[] = []
const system = { context: systemContext('platform') }
const edge = {
  context: { ...systemContext('gateway'), actor: { kind: 'anonymous' } } satisfies CallContext,
}

before(async () => {
  fixture = await createTestDatabase({
    service: 'auth',
    folders: [{ name: 'auth', url: authService.migrations }],
  })
  const service = await authService.start({
    database: fixture.database,
    needs: {},
    config: {},
    clock: systemClock,
    log: createLogger({ level: 'info', destination: { write: line => void logged.push(line) } }),
    publicUrl: 'http://localhost',
    signer: purpose => createSigner('secret of a test', purpose),
    eventsAppended() {},
  })
  auth = createRouterClient(service.router, { context: (context: CallContext) => context }) as typeof auth
})
after(() => fixture.drop())

test('a guest token is the guest id under our signature', async () => {
  const { guestId, token } = await auth.createGuest({}, edge)
  assert.ok(isId('guest', guestId))
  assert.equal(createSigner('secret of a test', 'guest').verify(token), guestId)
  assert.equal(createSigner('secret of a test', 'order-link').verify(token), undefined)
})

test('an admin link works exactly once, however many claim it at the same time', async () => {
  const { token } = await auth.createAdminLink({ validMinutes: 5 }, system)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, () => auth.claimAdminLink({ token }, edge)),
  )
  const won = outcomes.filter(outcome => outcome.status === 'fulfilled')
  assert.equal(won.length, 1)
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') assert.equal(refusalCode(outcome.reason), 'admin-link-invalid')
  assert.ok(await auth.authenticateApiKey({ apiKey: won[0]?.value.apiKey ?? '' }, system))
})

test('an expired link is refused, by the clock of the database', async () => {
  const { token } = await auth.createAdminLink({ validMinutes: 1 }, system)
  await fixture.database.query(`update admin_link set expires_at = now() where used_at is null`)
  const refusal = await auth.claimAdminLink({ token }, edge).catch(error => error)
  assert.equal(refusalCode(refusal), 'admin-link-invalid')
})

test('a revoked key is refused, and revoking twice keeps the first instant', async () => {
  const { token } = await auth.createAdminLink({ validMinutes: 5 }, system)
  const { apiKey, apiKeyId } = await auth.claimAdminLink({ token }, edge)
  assert.equal((await auth.authenticateApiKey({ apiKey }, system))?.permissions[0], '*')
  await auth.revokeApiKey({ apiKeyId }, system)
  assert.equal(await auth.authenticateApiKey({ apiKey }, system), null)
  const revokedAt = async () =>
    (await auth.listApiKeys({}, system)).items.find(key => key.apiKeyId === apiKeyId)?.revokedAt
  const first = await revokedAt()
  await auth.revokeApiKey({ apiKeyId }, system)
  assert.equal(await revokedAt(), first)
  const unknown = await auth
    .revokeApiKey({ apiKeyId: 'key_00000000000000000000000000' }, system)
    .catch(error => error)
  assert.equal(refusalCode(unknown), 'not-found')
})

test('the last use is noted at most once a minute', async () => {
  const { token } = await auth.createAdminLink({ validMinutes: 5 }, system)
  const { apiKey, apiKeyId } = await auth.claimAdminLink({ token }, edge)
  const writes = async () =>
    (
      await fixture.database.query('select xmin::text as version from api_key where api_key_id = $1', [
        apiKeyId,
      ])
    )[0]
  const fresh = await writes()
  await Promise.all(Array.from({ length: 5 }, () => auth.authenticateApiKey({ apiKey }, system)))
  const used = await writes()
  assert.notDeepEqual(used, fresh)
  await auth.authenticateApiKey({ apiKey }, system)
  assert.deepEqual(await writes(), used)
  await fixture.database.query(`update api_key set last_used_at = now() - interval '61 seconds'`)
  const aged = await writes()
  await auth.authenticateApiKey({ apiKey }, system)
  assert.notDeepEqual(await writes(), aged)
})

test('neither the database nor the log holds a secret', async () => {
  const { token } = await auth.createAdminLink({ validMinutes: 5 }, system)
  const { apiKey } = await auth.claimAdminLink({ token }, edge)
  const stored = await fixture.database.query('select a::text, k::text from admin_link a, api_key k')
  const everything = JSON.stringify(stored) + logged.join('')
  assert.ok(everything.length > 500)
  assert.ok(!everything.includes(token) && !everything.includes(apiKey))
})

test('the edge may not make links or resolve keys on behalf of a visitor', async () => {
  for (const call of [
    auth.createAdminLink({ validMinutes: 5 }, edge),
    auth.authenticateApiKey({ apiKey: 'x' }, edge),
  ])
    assert.equal(refusalCode(await call.catch(error => error)), 'forbidden')
})

test('keys keep their length and alphabet, also with leading zeros', () => {
  for (let i = 0; i < 500; i++) assert.ok(looksLikeApiKey(newApiKey()))
})

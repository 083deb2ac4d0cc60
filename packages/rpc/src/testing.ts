import type { AnyContractRouter } from '@orpc/contract'
import { systemClock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import type { Database } from '@storewright/postgres/sql'
import { createTestDatabase } from '@storewright/postgres/testing'
import { createClients } from './client.ts'
import { type CallContext, systemContext } from './context.ts'
import { createLogger } from './log.ts'
import { refusalCode } from './refusal.ts'
import type { ClientsOf, Contracts, RunningService, ServiceClient, ServiceDefinition } from './service.ts'
import { tokenKeys } from './token.ts'

export interface TestService<Contract extends AnyContractRouter> {
  readonly client: ServiceClient<Contract>
  readonly database: Database
  readonly service: RunningService
  stop(): Promise<void>
}

/** A service on a real database of its own, called as other services call it. */
export async function startTestService<Contract extends AnyContractRouter, Needs extends Contracts>(
  definition: ServiceDefinition<Contract, Needs>,
  options: { needs: ClientsOf<Needs>; config?: Readonly<Record<string, string>> },
): Promise<TestService<Contract>> {
  const { database, drop } = await createTestDatabase({
    service: definition.name,
    folders: [
      { name: 'postgres', url: new URL('../../postgres/migrations/', import.meta.url) },
      { name: 'events', url: new URL('../../events/migrations/', import.meta.url) },
      { name: definition.name, url: definition.migrations },
    ],
  })
  const service = await definition.start({
    database,
    needs: options.needs,
    config: options.config ?? {},
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://shop.test',
    signer: purpose => createSigner('secret of the tests', purpose),
    eventsAppended: () => {},
  })
  const { under } = createClients(
    { under: definition.contract },
    { config: {}, keys: tokenKeys(['secret of the tests']), find: () => service },
  )
  return {
    client: under as ServiceClient<Contract>,
    database,
    service,
    async stop() {
      await service.stop()
      await drop()
    },
  }
}

/** Options of a call by the house; parts of the context may be replaced. */
export function asSystem(parts: Partial<CallContext> = {}): { context: CallContext } {
  return { context: { ...systemContext('test'), ...parts } }
}

/** The refusal's code, or what else happened. */
export function refusalOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'no refusal',
    error => refusalCode(error) ?? String(error),
  )
}

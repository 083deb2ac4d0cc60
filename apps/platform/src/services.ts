import { type Dispatcher, startDispatcher } from '@storewright/events/dispatcher'
import type { StoredEvent } from '@storewright/events/event'
import type { Clock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import { migrate } from '@storewright/postgres/migrate'
import { openDatabase } from '@storewright/postgres/pool'
import type { Database } from '@storewright/postgres/sql'
import { createClients, urlVariable } from '@storewright/rpc/client'
import { systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import type { ClientsOf, RunningService, ServiceDefinition } from '@storewright/rpc/service'
import { type TokenKeys, tokenKeys } from '@storewright/rpc/token'
import { startHousekeeping } from './housekeeping.ts'
import { lines } from './lines.ts'
import { SERVICES, type ServiceName } from './platform.ts'
import type { Secrets } from './secrets.ts'

const FOLDERS = [
  { name: 'postgres', url: new URL('../../../packages/postgres/migrations/', import.meta.url) },
  { name: 'events', url: new URL('../../../packages/events/migrations/', import.meta.url) },
]

const CONTRACTS = Object.fromEntries(
  Object.entries(SERVICES).map(([name, definition]) => [name, definition.contract]),
) as { [Name in ServiceName]: (typeof SERVICES)[Name]['contract'] }

export type Clients = ClientsOf<typeof CONTRACTS>

export interface RunningServices {
  readonly clients: Clients
  readonly keys: TokenKeys
  readonly local: ReadonlyMap<string, RunningService>
  /** Rejects with the name of a service that cannot work. */
  ready(): Promise<void>
  /** Events that not every hearer has taken yet, over all local services. */
  backlog(): Promise<{ unpublished: number; oldestAgeMs: number }>
  stop(): Promise<void>
}

export interface StartOptions {
  readonly names: readonly ServiceName[]
  /** Database URL of each local service, under its own role. */
  readonly urls: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly secrets: Secrets
  readonly log: Logger
  readonly clock: Clock
  readonly publicUrl: string
}

/** Services that run in this process: those without `<NAME>_URL`. */
export function localNames(env: Readonly<Record<string, string | undefined>>): ServiceName[] {
  return (Object.keys(SERVICES) as ServiceName[]).filter(name => !env[urlVariable(name)])
}

/** Migrates, starts and connects the services of this process. What has started is stopped when one cannot. */
export async function startServices(options: StartOptions): Promise<RunningServices> {
  const { env, log, secrets } = options
  const keys = tokenKeys(secrets.signing)
  const local = new Map<string, RunningService>()
  const databases = new Map<string, Database>()
  const dispatchers = new Map<string, Dispatcher>()
  const clients = createClients(CONTRACTS, { config: env, keys, find: name => local.get(name) }) as Clients

  const housekeeping = startHousekeeping(databases, local, log)
  const stop = async () => {
    await housekeeping.stop()
    await Promise.all([...dispatchers.values()].map(dispatcher => dispatcher.stop()))
    await Promise.all([...local.values()].map(service => service.stop()))
    await Promise.all([...databases.values()].map(database => database.close()))
  }
  try {
    for (const name of options.names) {
      const url = options.urls[name]
      if (!url) throw new Error(`no database for service ${name}`)
      databases.set(
        name,
        openDatabase({ url, name, maxConnections: SERVICES[name].maxConnections, log: lines(log) }),
      )
    }
    await Promise.all(
      options.names.map(name =>
        migrate(databaseOf(databases, name), [...FOLDERS, { name, url: SERVICES[name].migrations }]),
      ),
    )
    await Promise.all(
      options.names.map(async name => {
        const definition = SERVICES[name] as unknown as ServiceDefinition
        const service = await definition.start({
          database: databaseOf(databases, name),
          needs: clients,
          config: env,
          clock: options.clock,
          log: log.child({ service: name }),
          publicUrl: options.publicUrl,
          signer: purpose => createSigner(secrets.signing[0], purpose),
          eventsAppended: () => dispatchers.get(name)?.wake(),
        })
        local.set(name, service)
      }),
    )
    for (const name of options.names) {
      if (SERVICES[name].publishes.length === 0) continue
      dispatchers.set(name, dispatch(name, databaseOf(databases, name), clients, log))
    }
  } catch (error) {
    await stop()
    throw error
  }

  return {
    clients,
    keys,
    local,
    async ready() {
      await Promise.all(
        [...local].map(async ([name, service]) => {
          await service.ready().catch(cause => {
            throw new Error(`${name} is not ready`, { cause })
          })
        }),
      )
    },
    async backlog() {
      const all = await Promise.all([...dispatchers.values()].map(dispatcher => dispatcher.backlog()))
      return {
        unpublished: all.reduce((total, one) => total + one.unpublished, 0),
        oldestAgeMs: Math.max(0, ...all.map(one => one.oldestAgeMs)),
      }
    },
    stop,
  }
}

/** Every service that hears an aggregate type of `publisher` gets its events, wherever it runs. */
function dispatch(publisher: ServiceName, database: Database, clients: Clients, log: Logger): Dispatcher {
  const publishes: readonly string[] = SERVICES[publisher].publishes
  const hearers = Object.values(SERVICES).flatMap(definition => {
    const aggregateTypes = definition.hears.filter(type => publishes.includes(type))
    return aggregateTypes.length > 0 ? [{ consumer: definition.name, aggregateTypes }] : []
  })
  return startDispatcher({
    database,
    service: publisher,
    log,
    subscribers: hearers.map(hearer => ({
      ...hearer,
      deliver: async events => {
        await receiverOf(clients, hearer.consumer)({ events }, { context: systemContext(publisher) })
      },
    })),
  })
}

type Receive = (
  input: { events: StoredEvent[] },
  options: { context: ReturnType<typeof systemContext> },
) => Promise<unknown>

function receiverOf(clients: Clients, consumer: string): Receive {
  const client = clients[consumer as ServiceName] as unknown as { receiveEvents: Receive }
  return client.receiveEvents
}

function databaseOf(databases: ReadonlyMap<string, Database>, name: string): Database {
  const database = databases.get(name)
  if (!database) throw new Error(`no database open for ${name}`)
  return database
}

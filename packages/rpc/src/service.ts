import type { AnyContractRouter, ContractRouterClient } from '@orpc/contract'
import type { Router } from '@orpc/server'
import type { Clock } from '@storewright/kernel/clock'
import type { Signer } from '@storewright/kernel/signed'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from 'pino'
import type { CallContext } from './context.ts'

/** A typed client of another service. The caller cannot tell whether it is in this process. */
export type ServiceClient<Contract extends AnyContractRouter> = ContractRouterClient<Contract, CallContext>

export type Contracts = Readonly<Record<string, AnyContractRouter>>

export type ClientsOf<Needs extends Contracts> = {
  readonly [Name in keyof Needs]: ServiceClient<Needs[Name]>
}

/** What a service is given. It finds nothing by itself: no environment, no globals. */
export interface ServiceEnvironment<Needs extends Contracts> {
  readonly database: Database
  readonly needs: ClientsOf<Needs>
  readonly config: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Logger
  /** Where shoppers reach the shop; no slash at the end. */
  readonly publicUrl: string
  /** Keys by purpose from the one secret of the installation. */
  signer(purpose: string): Signer
  /** Call after a commit that appended to the outbox. */
  eventsAppended(): void
}

export interface RunningService {
  // biome-ignore lint/suspicious/noExplicitAny: a router of any contract
  readonly router: Router<any, CallContext>
  /** Resolves when the service can do its work; rejects with the reason when it cannot. Behind /readyz. */
  ready(): Promise<void>
  /** Removes some of what nobody asks for any more, in one short statement; true when there may be more. */
  forget?(): Promise<boolean>
  /** Ends loops, finishes what is under way. The database is closed by the owner, afterwards. */
  stop(): Promise<void>
}

/** What a service is: a name, its contract, whom it needs, which events it hears, and how it starts. */
export interface ServiceDefinition<
  Contract extends AnyContractRouter = AnyContractRouter,
  Needs extends Contracts = Contracts,
> {
  readonly name: string
  readonly contract: Contract
  readonly needs: Needs
  /** Folder of its migrations. */
  readonly migrations: URL
  /** Aggregate types it publishes; each is published by one service only. */
  readonly publishes: readonly string[]
  /** Aggregate types it hears; every event of them arrives at its `receiveEvents` operation. */
  readonly hears: readonly string[]
  /** Connections it may hold at most; see the budget in apps/platform. */
  readonly maxConnections: number
  start(environment: ServiceEnvironment<Needs>): Promise<RunningService>
}

/** Identity at run time; gives `needs` its type in `start` and keeps the contract's. */
export function defineService<Contract extends AnyContractRouter, Needs extends Contracts>(
  definition: ServiceDefinition<Contract, Needs>,
): ServiceDefinition<Contract, Needs> {
  return definition
}

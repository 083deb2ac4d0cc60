import { systemClock } from '@storewright/kernel/clock'
import { type Id, newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import { openDatabase } from '@storewright/postgres/pool'
import type { Database } from '@storewright/postgres/sql'
import { createTestDatabase } from '@storewright/postgres/testing'
import { localClient } from '@storewright/rpc/client'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import type { RunningService, ServiceClient } from '@storewright/rpc/service'
import type { inventoryContract } from './contract.ts'
import { inventoryService } from './service.ts'

type Client = ServiceClient<typeof inventoryContract>

export interface TestInventory {
  readonly database: Database
  readonly client: Client
  /** How often `eventsAppended` was called. */
  readonly appended: () => number
  /** A second process's worth: its own lane and pool on the same database. */
  startAnother(): Promise<Client>
  location(code: string, priority?: number): Promise<Id<'location'>>
  receive(sku: string, quantity: number, location?: string): Promise<void>
  drop(): Promise<void>
}

/** For tests: the real service on a real, fresh database. */
export async function createTestInventory(): Promise<TestInventory> {
  const folder = (name: string, url: string) => ({ name, url: new URL(url, import.meta.url) })
  const made = await createTestDatabase({
    service: 'inventory',
    folders: [
      folder('postgres', '../../../packages/postgres/migrations/'),
      folder('events', '../../../packages/events/migrations/'),
      folder('inventory', '../migrations/'),
    ],
  })
  let appended = 0
  const databases: Database[] = []
  const running: RunningService[] = []
  const startOn = async (database: Database) => {
    const service = await inventoryService.start({
      database,
      needs: {},
      config: {},
      clock: systemClock,
      log: createLogger({ level: 'silent' }),
      publicUrl: 'http://localhost',
      signer: purpose => createSigner('secret of a test', purpose),
      eventsAppended: () => {
        appended++
      },
    })
    running.push(service)
    return localClient('inventory', () => service) as Client
  }
  const client = await startOn(made.database)
  return {
    database: made.database,
    client,
    appended: () => appended,
    async startAnother() {
      const database = openDatabase({
        url: made.url,
        name: 'inventory',
        maxConnections: inventoryService.maxConnections,
      })
      databases.push(database)
      return startOn(database)
    },
    async location(code, priority = 100) {
      return (await client.setLocation({ code, name: `Place ${code}`, priority }, asSystem())).locationId
    },
    async receive(sku, quantity, location = 'main') {
      const reference = newId('transfer')
      await client.receiveStock({ lines: [{ sku, location, quantity }], reference }, asSystem())
    },
    async drop() {
      for (const service of running) await service.stop()
      for (const database of databases) await database.close()
      await made.drop()
    },
  }
}

export function asSystem(): { context: CallContext } {
  return { context: systemContext('test') }
}

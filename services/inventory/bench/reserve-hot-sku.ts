import { type Id, newId } from '@storewright/kernel/ids'
import { auditInventory } from '../src/audit.ts'
import { asSystem, createTestInventory } from '../src/test-inventory.ts'

/**
 * Through the local client, on a real database with fsync on: reservations per second on one hot SKU, and carts of one
 * to four lines over 1,000 SKUs that are reserved and then committed.
 * `node services/inventory/bench/reserve-hot-sku.ts [seconds=3] [callers=64,128,256]`
 */
const seconds = Math.min(10, Number(process.argv[2] ?? 3))
const callerCounts = (process.argv[3] ?? '64,128,256').split(',').map(Number)
const SKU_COUNT = 1000

const inventory = await createTestInventory()
try {
  const locationId = await inventory.location('main')
  await inventory.receive('HOT', 1_000_000)
  await inventory.client.receiveStock(
    {
      lines: Array.from({ length: SKU_COUNT }, (_, at) => ({
        sku: `S${at}`,
        location: 'main',
        quantity: 100_000,
      })),
      reference: 'bench',
    },
    asSystem(),
  )
  const [settings] = await inventory.database.query<{ fsync: string; version: string }>(
    `select current_setting('fsync') as fsync, current_setting('server_version') as version`,
    [],
  )
  console.log(`PostgreSQL ${settings?.version}, fsync ${settings?.fsync}, ${seconds} s each`)
  for (const callers of callerCounts)
    await measure(`one hot SKU, ${callers} callers`, callers, () => reserve(['HOT'], locationId))
  for (const callers of callerCounts)
    await measure(`carts reserved and committed, ${callers} callers`, callers, async () => {
      const first = Math.floor(Math.random() * SKU_COUNT)
      const skus = Array.from({ length: 1 + (first % 4) }, (_, at) => `S${(first + at * 37) % SKU_COUNT}`)
      const { reservationId } = await reserve(skus, locationId)
      await inventory.client.commitReservation({ reservationId }, asSystem())
    })
  console.log('violations:', await auditInventory(inventory.database))
} finally {
  await inventory.drop()
}

function reserve(skus: readonly string[], locationId: Id<'location'>) {
  const lines = skus.map(sku => ({ sku, locationId, quantity: 1 }))
  return inventory.client.reserveStock(
    { reservationId: newId('checkout'), lines, holdSeconds: 900 },
    asSystem(),
  )
}

async function measure(name: string, callers: number, work: () => Promise<unknown>): Promise<void> {
  const waitsMs: number[] = []
  const startedAt = performance.now()
  const endAt = startedAt + seconds * 1000
  const cpu = process.cpuUsage()
  const call = async () => {
    while (performance.now() < endAt) {
      const sentAt = performance.now()
      await work()
      waitsMs.push(performance.now() - sentAt)
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  const elapsed = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  waitsMs.sort((a, b) => a - b)
  const at = (share: number) => (waitsMs[Math.floor(waitsMs.length * share)] ?? 0).toFixed(1)
  console.log(
    `${name}: ${Math.round(waitsMs.length / elapsed)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms,`,
    `node ${((user + system) / 1e6 / elapsed).toFixed(2)} cores`,
  )
}

import { newId } from '@storewright/kernel/ids'
import { auditInventory } from '../src/audit.ts'
import { asSystem, createTestInventory } from '../src/test-inventory.ts'

/**
 * Reservations per second on one hot SKU through the local client, on a real database with fsync on.
 * `node services/inventory/bench/reserve-hot-sku.ts [seconds=3] [callers=64,128,256]`
 */
const seconds = Math.min(10, Number(process.argv[2] ?? 3))
const callerCounts = (process.argv[3] ?? '64,128,256').split(',').map(Number)

const inventory = await createTestInventory()
try {
  const locationId = await inventory.location('main')
  await inventory.receive('HOT', 1_000_000)
  const [settings] = await inventory.database.query<{ fsync: string; version: string }>(
    `select current_setting('fsync') as fsync, current_setting('server_version') as version`,
    [],
  )
  console.log(`PostgreSQL ${settings?.version}, fsync ${settings?.fsync}, ${seconds} s each`)
  for (const callers of callerCounts) {
    const waitsMs: number[] = []
    const startedAt = performance.now()
    const endAt = startedAt + seconds * 1000
    const cpu = process.cpuUsage()
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (performance.now() < endAt) {
          const sentAt = performance.now()
          await inventory.client.reserveStock(
            {
              reservationId: newId('checkout'),
              lines: [{ sku: 'HOT', locationId, quantity: 1 }],
              holdSeconds: 900,
            },
            asSystem(),
          )
          waitsMs.push(performance.now() - sentAt)
        }
      }),
    )
    const elapsed = (performance.now() - startedAt) / 1000
    const { user, system } = process.cpuUsage(cpu)
    waitsMs.sort((a, b) => a - b)
    const at = (share: number) => (waitsMs[Math.floor(waitsMs.length * share)] ?? 0).toFixed(1)
    console.log(
      `${callers} callers: ${Math.round(waitsMs.length / elapsed)} reservations/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms,`,
      `node ${((user + system) / 1e6 / elapsed).toFixed(2)} cores`,
    )
  }
  console.log('violations:', await auditInventory(inventory.database))
} finally {
  await inventory.drop()
}

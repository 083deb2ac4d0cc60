import { randomUUID } from 'node:crypto'
import type { Database, Sql } from '@storewright/postgres/sql'

/** Fixed in migrations/0001-events.sql, where the column `partition` is made. More processes than this would idle. */
export const PARTITIONS = 8

/** How long a dead process keeps its partitions: long against a pause of the event loop, short for a shopper's mail. */
export const LEASE_MS = 15_000

export interface PartitionLeases {
  /** Partitions this process may work on now; none when the lease ran out without renewal. */
  owned(): readonly number[]
  /** Renews, gives up what exceeds the fair share, takes what is free. True when the set has changed. */
  renew(): Promise<boolean>
  release(): Promise<void>
}

/**
 * Ownership by rows and the database's clock; advisory session locks would break behind a transaction pooler.
 * Two owners for a moment are harmless: consumers drop what they know. Leases exist for order and economy.
 */
export function createLeases(database: Database, leaseMs: number = LEASE_MS): PartitionLeases {
  const owner = randomUUID()
  let partitions: number[] = []
  let validUntil = 0

  return {
    owned: () => (performance.now() < validUntil ? partitions : []),
    async renew() {
      const startedAt = performance.now()
      const before = partitions.join()
      partitions = await database.transaction(sql => renewShare(sql, owner, leaseMs))
      validUntil = startedAt + leaseMs
      return partitions.join() !== before
    },
    async release() {
      partitions = []
      await database.query('update outbox_partition set owner = null, lease_until = null where owner = $1', [
        owner,
      ])
      await database.query('delete from outbox_process where owner = $1', [owner])
    },
  }
}

async function renewShare(sql: Sql, owner: string, leaseMs: number): Promise<number[]> {
  // One process renews at a time; otherwise two newcomers would each count without the other.
  await sql.query(
    `select pg_advisory_xact_lock(hashtextextended(current_schema() || '.outbox_process', 0))`,
    [],
  )
  await sql.query(
    `insert into outbox_process (owner, alive_until) values ($1, now() + $2 * interval '1 ms')
     on conflict (owner) do update set alive_until = excluded.alive_until`,
    [owner, leaseMs],
  )
  await sql.query('delete from outbox_process where alive_until < now()', [])
  const [alive] = await sql.query<{ processes: number }>(
    'select count(*)::int as processes from outbox_process',
    [],
  )
  const share = Math.ceil(PARTITIONS / Math.max(alive?.processes ?? 1, 1))
  const mine = await sql.query<{ partition: number }>(
    `update outbox_partition set lease_until = now() + $2 * interval '1 ms' where owner = $1 returning partition`,
    [owner, leaseMs],
  )
  const held = mine.map(row => row.partition).sort((a, b) => a - b)
  const surplus = held.slice(share)
  if (surplus.length > 0)
    await sql.query(
      'update outbox_partition set owner = null, lease_until = null where partition = any($1)',
      [surplus],
    )
  const taken = await sql.query<{ partition: number }>(
    `update outbox_partition
     set owner = $1, lease_until = now() + $2 * interval '1 ms', lease_epoch = lease_epoch + 1
     where partition in (
       select partition from outbox_partition
       where (owner is null or lease_until < now()) and not partition = any($4)
       order by partition limit $3)
     returning partition`,
    [owner, leaseMs, Math.max(share - held.length, 0), surplus],
  )
  return [...held.slice(0, share), ...taken.map(row => row.partition)].sort((a, b) => a - b)
}

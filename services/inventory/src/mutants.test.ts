import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { isCheckViolation } from '@storewright/postgres/errors'
import type { Database, Sql } from '@storewright/postgres/sql'
import { auditInventory } from './audit.ts'
import { applyCommands } from './reservation-store.ts'
import { createTestInventory } from './test-inventory.ts'

/** Guards are taken away one after the other: whoever stands behind the missing one must notice. */

test('without row locks the CHECK refuses the second of two racing reservations', async () => {
  await withFewUnits(async ({ database, race }) => {
    const results = await race()
    assert.equal(results.filter(result => result.status === 'fulfilled').length, 1)
    assert.ok(results.some(result => result.status === 'rejected' && isCheckViolation(result.reason)))
    assert.deepEqual(await auditInventory(database), [])
  })
})

test('without row locks and without the CHECK the audit finds the oversale', async () => {
  await withFewUnits(async ({ database, race }) => {
    await database.query('alter table stock drop constraint stock_not_oversold', [])
    await database.query('alter table stock_item drop constraint stock_item_available_check', [])
    const results = await race()
    assert.deepEqual(
      results.map(result => result.status),
      ['fulfilled', 'fulfilled'],
    )
    const found = (await auditInventory(database)).map(violation => violation.invariant)
    assert.ok(found.includes('promises fit what is there'))
  })
})

test('the audit notices counters, ledger, events and totals that drift', async () => {
  await withFewUnits(async ({ database }) => {
    const drifts: [string, string][] = [
      [`update stock set reserved = 1`, 'reserved is the sum of held lines'],
      [`update stock set allocated = 1`, 'allocated is what the ledger says'],
      [`update stock set on_hand = 7`, 'on hand is what the ledger says'],
      [`update stock set shortage = 2`, 'a shortage is no larger than the promises beyond what is there'],
      [`update stock_item set available = 4`, 'available is the sum over locations'],
      [`update stock_item set availability = 'in-stock'`, 'the class is that of what is available'],
      [`update stock_item set version = version + 1`, 'the last event says the class'],
      [`update outbox set aggregate_seq = 5`, 'the last event says the class'],
    ]
    for (const [drift, invariant] of drifts) {
      const undone = new Error('undone')
      const attempt = database.transaction(async sql => {
        await sql.query(drift, [])
        const found = (await auditInventory(sql)).map(violation => violation.invariant)
        assert.ok(found.includes(invariant), `${drift}: found ${found.join(', ') || 'nothing'}`)
        throw undone
      })
      await assert.rejects(attempt, undone)
    }
  })
})

async function withFewUnits(
  work: (at: { database: Database; race: () => Promise<PromiseSettledResult<unknown>[]> }) => Promise<void>,
): Promise<void> {
  const inventory = await createTestInventory()
  try {
    const locationId = await inventory.location('main')
    // Two of three leave the class as it is; else the outbox's unique sequence would be one more guard.
    await inventory.receive('FEW', 3)
    const race = () => {
      const database = withoutLocks(inventory.database, 2)
      const lines = [{ sku: 'FEW', locationId, quantity: 2 }]
      const reserve = () =>
        applyCommands(database, [
          { kind: 'reserve', reservationId: newId('checkout'), lines, holdSeconds: 60 },
        ])
      return Promise.allSettled([reserve(), reserve()])
    }
    await work({ database: inventory.database, race })
  } finally {
    await inventory.drop()
  }
}

/** Drops the locks from every statement, and lets nobody write before `count` transactions have read the stock. */
function withoutLocks(database: Database, count: number): Database {
  let readers = 0
  const { promise: allHaveRead, resolve } = Promise.withResolvers<void>()
  return {
    ...database,
    transaction: work =>
      database.transaction(sql => {
        const unlocked: Sql = {
          query: async <Row extends object>(text: string, values?: readonly unknown[]) => {
            const rows = await sql.query<Row>(text.replaceAll(/for no key update( of stock)?/g, ''), values)
            if (text.includes('for no key update of stock')) {
              if (++readers === count) resolve()
              await allHaveRead
            }
            return rows
          },
        }
        return work(unlocked)
      }),
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Sql } from '@storewright/postgres/sql'
import { adminUrlOf, brokenInvariants, openAudit, untilAtRest } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, pay, payBody } from '../harness/shopper.ts'

const AWAY_DAYS = 10

test(`a platform that died between order and stock finishes the order ${AWAY_DAYS} days later`, async () => {
  let platform = await startPlatformProcess()
  const staff = await newStaff(platform.url, platform.adminLink)
  await stockLimitedProduct(staff, 'AWAY', 10)
  const audit = openAudit(adminUrlOf(platform.dataDir))
  try {
    const shopper = await newShopper(platform.url)
    const quote = await fillCart(shopper, 'AWAY')
    const body = payBody(quote.cartId, quote.body, 'away@example.com')
    let paying: Promise<unknown> = Promise.resolve()
    // Held at the order, then at the stock: the process dies exactly between the two.
    await whileLocked(audit, 'inventory.reservation', async lockStock => {
      await whileLocked(audit, '"order".orders', async lockOrders => {
        await lockOrders()
        paying = pay(shopper, body, 'away').catch(() => {})
        await untilState(audit, 'placing')
        await lockStock()
      })
      await untilState(audit, 'committing')
      await platform.kill()
    })
    await paying
    await audit.query(
      `update inventory.reservation set expires_at = expires_at - make_interval(days => $1) where state = 'held'`,
      [AWAY_DAYS],
    )
    platform = await platform.restart()
    await untilAtRest(audit)
    assert.deepEqual(await brokenInvariants(audit), [])
    const answer = await pay(shopper, body, 'away')
    assert.equal(answer.body.state, 'completed')
    assert.equal(answer.body.orders.length, 1)
  } finally {
    await audit.close()
    await platform.stop()
  }
})

/** Everybody who changes the table waits from `lock()` until `work` has ended. */
async function whileLocked(
  database: Database,
  table: string,
  work: (lock: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await database.transaction(async (sql: Sql) => {
    await work(async () => void (await sql.query(`lock table ${table} in exclusive mode`)))
  })
}

async function untilState(audit: Database, state: string): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const rows = await audit.query('select 1 as one from checkout.checkout where state = $1', [state])
    if (rows.length > 0) return
    if (Date.now() > deadline) throw new Error(`no checkout came to ${state}`)
    await sleep(20)
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillCart, newShopper, newStaff } from '../harness/shopper.ts'
import { startSplitPlatform } from '../harness/split.ts'

const RECOVERY_MS = 10_000

test('the database of a service in another process is down: the edge says ask again, not that it is broken', async () => {
  const split = await startSplitPlatform(['inventory'])
  try {
    const { url, adminLink } = split.platform
    const staff = await newStaff(url, adminLink)
    const shopper = await newShopper(url)
    const known = await staff.get<{ items: { sku: string }[] }>('/admin/stock')
    const sku = known.body.items[0]?.sku ?? ''
    assert.equal((await fillCart(shopper, sku)).status, 200)

    split.databaseOf.get('inventory')?.shut()
    const answers = [await staff.get('/admin/stock'), await fillCart(shopper, sku)]
    for (const answer of answers) {
      assert.deepEqual([answer.status, answer.body.code], [503, 'unavailable'], JSON.stringify(answer.body))
      assert.ok(answer.headers.get('retry-after'))
    }

    split.databaseOf.get('inventory')?.open()
    const deadline = Date.now() + RECOVERY_MS
    while ((await staff.get('/admin/stock')).status !== 200) {
      assert.ok(Date.now() < deadline, 'not back in time')
      await sleep(100)
    }
    assert.equal((await fillCart(shopper, sku)).status, 200)
  } finally {
    await split.stop()
  }
})

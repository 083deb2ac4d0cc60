import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Database } from '@storewright/postgres/sql'
import { adminUrlOf, brokenInvariants, openAudit, untilAtRest } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, pay, payBody, type Shopper } from '../harness/shopper.ts'

const UNITS = 20
const BUYERS = 200

let platform: PlatformProcess
let staff: Shopper
let audit: Database

before(async () => {
  platform = await startPlatformProcess()
  staff = await newStaff(platform.url, platform.adminLink)
  audit = openAudit(adminUrlOf(platform.dataDir))
})
after(async () => {
  await audit.close()
  assert.equal(await platform.stop(), 0)
})

test(`${BUYERS} buyers at once for ${UNITS} units: exactly ${UNITS} orders, every loser told plainly`, async () => {
  await stockLimitedProduct(staff, 'LAST-UNITS', UNITS)
  // Everybody has it in the cart and sees a total before anybody pays.
  const ready = await Promise.all(
    Array.from({ length: BUYERS }, async (_, index) => {
      const shopper = await newShopper(platform.url)
      const quote = await fillCart(shopper, 'LAST-UNITS')
      assert.equal(quote.status, 200, JSON.stringify(quote.body))
      return { shopper, body: payBody(quote.cartId, quote.body, `buyer-${index}@example.com`) }
    }),
  )
  const answers = await Promise.all(ready.map(({ shopper, body }) => pay(shopper, body)))
  const won = answers.filter(answer => answer.status === 200)
  const lost = answers.filter(answer => answer.status !== 200)
  assert.equal(won.length, UNITS)
  assert.ok(won.every(answer => answer.body.state === 'completed' && answer.body.orders.length === 1))
  assert.equal(new Set(won.map(answer => answer.body.orders[0]?.orderId)).size, UNITS)
  for (const answer of lost) {
    assert.equal(answer.status, 409, JSON.stringify(answer.body))
    assert.equal(answer.body.code, 'insufficient-stock')
    assert.deepEqual(answer.body.data, { missing: [{ sku: 'LAST-UNITS', requested: 1, available: 0 }] })
  }
  await untilAtRest(audit)
  assert.deepEqual(await brokenInvariants(audit), [])
})

test('one cart paid from ten tabs at once becomes one order', async () => {
  await stockLimitedProduct(staff, 'TEN-TABS', 50)
  const shopper = await newShopper(platform.url)
  const quote = await fillCart(shopper, 'TEN-TABS', 2)
  const body = payBody(quote.cartId, quote.body, 'tabs@example.com')
  const answers = await Promise.all(Array.from({ length: 10 }, () => pay(shopper, body)))
  const placed = answers.filter(answer => answer.status === 200)
  assert.equal(placed.length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200))
    assert.ok(
      ['checkout-in-progress', 'cart-completed'].includes(answer.body.code ?? ''),
      JSON.stringify(answer.body),
    )
  await untilAtRest(audit)
  assert.deepEqual(await brokenInvariants(audit), [])
})

test('the same Idempotency-Key sent ten times at once is one order, and the same answer later', async () => {
  await stockLimitedProduct(staff, 'SAME-KEY', 50)
  const shopper = await newShopper(platform.url)
  const quote = await fillCart(shopper, 'SAME-KEY')
  const body = payBody(quote.cartId, quote.body, 'key@example.com')
  const answers = await Promise.all(Array.from({ length: 10 }, () => pay(shopper, body, 'one-key')))
  assert.ok(answers.every(answer => answer.status === 200))
  assert.equal(new Set(answers.map(answer => answer.body.checkoutId)).size, 1)
  const later = await pay(shopper, body, 'one-key')
  assert.equal(later.body.orders.length, 1)
  const other = await pay(shopper, { ...body, email: 'other@example.com' }, 'one-key')
  assert.equal(other.body.code, 'idempotency-key-reused')
  await untilAtRest(audit)
  assert.deepEqual(await brokenInvariants(audit), [])
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestService } from '@storewright/rpc/testing'
import type { checkoutContract } from './contract.ts'
import { checkoutService } from './service.ts'

type Needs = Parameters<typeof checkoutService.start>[0]['needs']

async function startCheckout(t: TestContext) {
  const under = await startTestService<typeof checkoutContract, typeof checkoutService.needs>(
    checkoutService,
    { needs: {} as Needs },
  )
  t.after(() => under.stop())
  const { database, service } = under
  const left = async () =>
    (await database.query<{ id: string }>('select checkout_id as id from checkout order by 1', [])).map(
      row => row.id,
    )
  /** Held by somebody, so that the sweeper leaves them alone. */
  const add = (prefix: string, state: string, daysAgo: number, count = 1) =>
    database.query(
      `insert into checkout (checkout_id, owner, idempotency_key, body_hash, cart_id, email, state, lease_until, trace,
         request, quote, plan, updated_at)
       select $1 || n, 'o' || n, $1 || n, 'h', $1 || n, 'e' || n, $2, now() + interval '1 hour', 't',
         '{}', '{}', '[]', now() - make_interval(days => $3)
       from generate_series(1, $4::int) n`,
      [prefix, state, daysAgo, count],
    )
  return { add, left, forget: () => service.forget?.() }
}

test('a checkout that failed is forgotten after a week; orders and what is under way never', async t => {
  const { add, left, forget } = await startCheckout(t)
  await add('failed-old-', 'failed', 8)
  await add('failed-young-', 'failed', 6)
  await add('completed-', 'completed', 400)
  await add('placing-', 'placing', 400)
  assert.equal(await forget(), false)
  assert.deepEqual(await left(), ['completed-1', 'failed-young-1', 'placing-1'])
})

test('many are forgotten in bounded statements, until none is left', async t => {
  const { add, left, forget } = await startCheckout(t)
  await add('failed-', 'failed', 30, 1200)
  assert.equal(await forget(), true)
  assert.equal((await left()).length, 700)
  assert.equal(await forget(), true)
  assert.equal(await forget(), false)
  assert.deepEqual(await left(), [])
})

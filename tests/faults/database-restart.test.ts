import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, brokenInvariants, openAudit, untilAtRest } from '../harness/audit.ts'
import { countMails } from '../harness/inbox.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, pay, payBody, type Shopper } from '../harness/shopper.ts'

const KILLS = 3
const SHOPPERS = 16
/** Postgres is watched every 250 ms and replays its log in about 100 ms; a checkout's lease runs for 10 s. */
const RECOVERY_MS = 10_000
const SETTLED_MS = 30_000

interface Attempt {
  readonly shopper: Shopper
  readonly body: ReturnType<typeof payBody>
  readonly key: string
  orderId: string | undefined
}

test(`kill -9 of the database under load, ${KILLS} times: the platform recovers by itself`, async t => {
  const platform = await startPlatformProcess()
  const staff = await newStaff(platform.url, platform.adminLink)
  await stockLimitedProduct(staff, 'UNPLUGGED', 100_000)
  const attempts: Attempt[] = []
  const outages = new Map<number, number>()
  const load = new AbortController()
  const buying = Promise.all(
    Array.from({ length: SHOPPERS }, () => buy(platform.url, attempts, outages, load.signal)),
  )
  try {
    const recoveries: number[] = []
    for (let round = 0; round < KILLS; round += 1) {
      await sleep(1000 + Math.random() * 500)
      const killed = postmasterPid(platform.dataDir)
      process.kill(killed, 'SIGKILL')
      recoveries.push(await untilReady(platform.url, platform.dataDir, killed))
    }
    await sleep(1000)
    load.abort()
    await buying
    const cut = attempts.filter(attempt => !attempt.orderId)
    for (const attempt of cut) attempt.orderId = await settle(attempt)

    const audit = openAudit(adminUrlOf(platform.dataDir))
    try {
      await untilAtRest(audit)
      assert.deepEqual(await brokenInvariants(audit), [])
      const rows = await audit.query<{ order_id: string }>('select order_id from "order".orders', [])
      const placed = rows.map(row => row.order_id).sort()
      assert.deepEqual(placed, attempts.map(attempt => attempt.orderId).sort(), 'orders ≠ paid checkouts')
      assert.equal(await countMails(platform.inboxUrl), placed.length, 'not one confirmation for each order')
    } finally {
      await audit.close()
    }
    assert.ok(cut.length > 0, 'no kill came in the middle of a checkout: the test proved nothing')
    const others = [...outages.keys()].filter(status => status !== 503 && status !== 504)
    assert.deepEqual(others, [], `shoppers were told of an outage by ${JSON.stringify([...outages])}`)
    t.diagnostic(
      `${placed(attempts)} orders, ${cut.length} checkouts cut off, answers ${JSON.stringify([...outages])}, ready again after ${recoveries.join(', ')} ms`,
    )
  } finally {
    load.abort()
    await buying.catch(() => {})
    assert.equal(await platform.stop(), 0)
  }
})

test('a database that dies again and again ends the platform, for its supervisor to start it anew', async () => {
  const platform = await startPlatformProcess({ env: { SEED_DEMO: '0' } })
  const killed = new Set<number>()
  const deadline = Date.now() + 40_000
  while (await isUp(platform.url)) {
    assert.ok(Date.now() < deadline, `still up after ${killed.size} kills`)
    const pid = postmasterPid(platform.dataDir)
    if (pid && !killed.has(pid)) process.kill(pid, 'SIGKILL')
    killed.add(pid)
    await sleep(50)
  }
  assert.equal(await platform.stop(), 1)
})

function isUp(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

function placed(attempts: readonly Attempt[]): number {
  return attempts.filter(attempt => attempt.orderId).length
}

/** Buys again and again. What is refused by the outage is counted by status, and the shopper starts anew. */
async function buy(
  url: string,
  attempts: Attempt[],
  outages: Map<number, number>,
  signal: AbortSignal,
): Promise<void> {
  const failed = async (status: number) => {
    outages.set(status, (outages.get(status) ?? 0) + 1)
    await sleep(50)
  }
  while (!signal.aborted) {
    const shopper = await newShopper(url)
    const quote = await fillCart(shopper, 'UNPLUGGED')
    if (quote.status !== 200) {
      await failed(quote.status)
      continue
    }
    const body = payBody(quote.cartId, quote.body, `${randomUUID()}@example.com`)
    const attempt: Attempt = { shopper, body, key: randomUUID(), orderId: undefined }
    attempts.push(attempt)
    const answer = await pay(shopper, body, attempt.key)
    if (answer.status === 200) attempt.orderId = answer.body.orders[0]?.orderId
    else await failed(answer.status)
  }
}

/** The same command with the same key, until it is known what became of it. */
async function settle(attempt: Attempt): Promise<string> {
  const deadline = Date.now() + SETTLED_MS
  for (;;) {
    const answer = await pay(attempt.shopper, attempt.body, attempt.key)
    const orderId = answer.body.orders?.[0]?.orderId
    if (answer.status === 200 && orderId) return orderId
    if (answer.status !== 200 || Date.now() > deadline)
      throw new Error(`not settled: ${answer.status} ${JSON.stringify(answer.body)}`)
    await sleep(250)
  }
}

function postmasterPid(dataDir: string): number {
  try {
    const file = readFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')
    return Number(file.split('\n')[0])
  } catch {
    return 0 // between two of them
  }
}

/** Milliseconds until every service answers for itself again, on another postmaster. */
async function untilReady(url: string, dataDir: string, killed: number): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const ms = Math.round(performance.now() - startedAt)
    const { status } = await fetch(`${url}/readyz`)
    if (status === 200 && ![0, killed].includes(postmasterPid(dataDir))) return ms
    if (ms > RECOVERY_MS) throw new Error(`not ready ${RECOVERY_MS} ms after the kill: ${status}`)
    await sleep(50)
  }
}

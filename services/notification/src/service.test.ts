import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredEvent } from '@storewright/events/event'
import { systemClock } from '@storewright/kernel/clock'
import { newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import type { Order } from '@storewright/order/contract'
import { createLogger } from '@storewright/rpc/log'
import { asSystem, refusalOf, startTestService, type TestService } from '@storewright/rpc/testing'
import { type MailSandbox, startMailSandbox } from '@storewright/sandbox-mail/sandbox'
import type { notificationContract } from './contract.ts'
import { GIVE_UP_AFTER_MS, messageIdHeader, retryDelayMs, stateAfter } from './domain.ts'
import { sampleOrder } from './sample-order.ts'
import { notificationService } from './service.ts'

let sandbox: MailSandbox
let under: TestService<typeof notificationContract>

before(async () => {
  sandbox = await startMailSandbox()
  under = await startTestService(notificationService, {
    needs: {},
    config: { SMTP_URL: sandbox.smtpUrl, MAIL_FROM: 'Test Shop <orders@shop.example>' },
  })
})
after(async () => {
  await under.stop()
  await sandbox.stop()
})

function placed(order: Order): StoredEvent {
  return {
    id: newId('event'),
    aggregateType: 'order',
    aggregateId: order.orderId,
    aggregateSeq: 1,
    type: 'order.placed',
    payload: { order, trackingUrl: `http://shop.test/orders/${order.orderId}?token=t` },
    occurredAt: new Date().toISOString(),
    trace: null,
  }
}

const hear = (...events: StoredEvent[]) => under.client.receiveEvents({ events }, asSystem())

async function messageAbout(orderId: string) {
  const { items } = await under.client.listMessages({ limit: 100 }, asSystem())
  const message = items.find(item => item.aboutId === orderId)
  assert.ok(message)
  return message
}

async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(20)
  }
}

const stateIs = (orderId: string, state: string) => async () => (await messageAbout(orderId)).state === state

describe('sending', () => {
  it('confirms a placed order once, however often it hears of it', async () => {
    const order = sampleOrder({ email: 'once@example.com' })
    const event = placed(order)
    await Promise.all([hear(event), hear(event), hear(event)])
    await until('sent', stateIs(order.orderId, 'sent'))
    await hear(event)
    // The same fact under another event id, as after a restored outbox.
    await under.database.query('delete from inbox where aggregate_id = $1', [order.orderId])
    await hear({ ...event, id: newId('event') })
    await sleep(100)
    const mails = await sandbox.messages({ to: 'once@example.com' })
    assert.equal(mails.length, 1)
    const message = await messageAbout(order.orderId)
    assert.equal(mails[0]?.subject, 'Your order SW-100042 at Test Shop')
    assert.equal(mails[0]?.messageId, `<${message.messageId}@shop.example>`)
    const mail = await sandbox.message(mails[0]?.id ?? 0)
    assert.match(mail?.text ?? '', /Stoneware Mug/)
    assert.match(mail?.html ?? '', /Stoneware Mug/)
    assert.equal(mail?.headerFrom, 'Test Shop <orders@shop.example>')
    assert.equal(message.attempts, 1)
    assert.ok(message.sentAt)
  })

  it('writes nothing when the event does not fit, and later events of other orders pass', async () => {
    const good = sampleOrder({ email: 'after-bad@example.com' })
    const bad = { ...placed(sampleOrder()), payload: { order: 'none' } }
    await assert.rejects(hear(bad, placed(good)))
    await until('sent', stateIs(good.orderId, 'sent'))
  })

  it('tries again after a temporary failure', async () => {
    const order = sampleOrder({ email: 'tempfail-1@example.com' })
    await hear(placed(order))
    await until('one failure', async () => (await messageAbout(order.orderId)).lastError !== null)
    const waiting = await messageAbout(order.orderId)
    assert.equal(waiting.state, 'queued')
    assert.match(waiting.lastError ?? '', /451/)
    await until('sent', stateIs(order.orderId, 'sent'))
    assert.equal((await messageAbout(order.orderId)).attempts, 2)
    assert.equal((await sandbox.messages({ to: 'tempfail-1@example.com' })).length, 1)
  })

  it('gives up at once on a refusal, and staff may send again', async () => {
    const order = sampleOrder({ email: 'bounce-1@example.com' })
    await hear(placed(order))
    await until('failed', stateIs(order.orderId, 'failed'))
    const { messageId, lastError } = await messageAbout(order.orderId)
    assert.match(lastError ?? '', /550/)
    const failed = await under.client.listMessages({ state: 'failed', limit: 10 }, asSystem())
    assert.ok(failed.items.some(item => item.messageId === messageId))
    await under.client.resendMessage({ messageId }, asSystem())
    await until('sent', stateIs(order.orderId, 'sent'))
    const [mail] = await sandbox.messages({ to: 'bounce-1@example.com' })
    assert.equal(mail?.messageId, `<${messageId}.1@shop.example>`)
    assert.equal(
      await refusalOf(under.client.resendMessage({ messageId: newId('message') }, asSystem())),
      'not-found',
    )
  })

  it('repeats the same Message-ID when the answer to an accepted mail is lost', async () => {
    const order = sampleOrder({ email: 'drop-1@example.com' })
    await hear(placed(order))
    await until('sent', stateIs(order.orderId, 'sent'))
    const mails = await sandbox.messages({ to: 'drop-1@example.com' })
    assert.equal(mails.length, 2)
    assert.equal(mails[0]?.messageId, mails[1]?.messageId)
  })

  it('repeats the same Message-ID after a crash between acceptance and commit', async () => {
    const order = sampleOrder({ email: 'crash@example.com' })
    await hear(placed(order))
    await until('sent', stateIs(order.orderId, 'sent'))
    // As the crashed process left it: claimed, accepted by the server, never recorded; the lease has run out.
    await under.database.query(
      `update message set state = 'sending', sent_at = null, due_at = now() - interval '1 second' where about_id = $1`,
      [order.orderId],
    )
    await until('sent again', stateIs(order.orderId, 'sent'))
    const mails = await sandbox.messages({ to: 'crash@example.com' })
    assert.equal(mails.length, 2)
    assert.equal(mails[0]?.messageId, mails[1]?.messageId)
  })

  it('pages through messages, and refuses a cursor that is not its own', async () => {
    const first = await under.client.listMessages({ limit: 2 }, asSystem())
    assert.equal(first.items.length, 2)
    assert.ok(first.nextCursor)
    const second = await under.client.listMessages({ limit: 100, cursor: first.nextCursor }, asSystem())
    const ids = [...first.items, ...second.items].map(item => item.messageId)
    assert.equal(new Set(ids).size, ids.length)
    assert.deepEqual(ids, [...ids].sort().reverse())
    assert.equal(await refusalOf(under.client.listMessages({ cursor: 'x' }, asSystem())), 'invalid-input')
  })

  it('sends a burst of six hundred mails, each once', async () => {
    const count = 600
    const orders = Array.from({ length: count }, (_, index) =>
      sampleOrder({ email: `bulk-${index}@example.com` }),
    )
    for (let at = 0; at < count; at += 200) await hear(...orders.slice(at, at + 200).map(placed))
    const left = async () => {
      const [row] = await under.database.query<{ left: number }>(
        `select count(*)::int as left from message where recipient like 'bulk-%' and state <> 'sent'`,
      )
      return row?.left === 0
    }
    await until('all sent', left, 20_000)
    const mails = await sandbox.messages({ limit: 5000 })
    assert.equal(mails.filter(mail => mail.to[0]?.startsWith('bulk-')).length, count)
  })
})

it('refuses to start without a mail server or a sender', async () => {
  const start = (config: Record<string, string>) =>
    notificationService.start({
      database: under.database,
      needs: {},
      config,
      clock: systemClock,
      log: createLogger({ level: 'silent' }),
      publicUrl: 'http://shop.test',
      signer: purpose => createSigner('secret of the tests', purpose),
      eventsAppended() {},
    })
  await assert.rejects(start({}), /SMTP_URL/)
  await assert.rejects(start({ SMTP_URL: sandbox.smtpUrl, MAIL_FROM: 'nobody' }), /MAIL_FROM/)
})

describe('rules', () => {
  it('waits longer each time, never beyond its bound, and fails after three days', () => {
    assert.equal(retryDelayMs(1, 0.5), 2000)
    assert.equal(retryDelayMs(3, 0.5), 8000)
    assert.equal(retryDelayMs(500, 0.5), 900_000)
    const temporary = { kind: 'temporary', error: 'x' } as const
    assert.equal(stateAfter(temporary, GIVE_UP_AFTER_MS - 1), 'queued')
    assert.equal(stateAfter(temporary, GIVE_UP_AFTER_MS), 'failed')
    assert.equal(stateAfter({ kind: 'permanent', error: 'x' }, 0), 'failed')
  })

  it('makes the Message-ID from the message alone', () => {
    const id = newId('message')
    assert.equal(messageIdHeader({ id, resends: 0 }, 'a.b'), `<${id}@a.b>`)
    assert.equal(messageIdHeader({ id, resends: 2 }, 'a.b'), `<${id}.2@a.b>`)
  })
})

describe('forgetting', () => {
  it('removes what was sent a season ago, and neither failed nor younger mail', async () => {
    const add = (id: string, state: string, daysAgo: number) =>
      under.database.query(
        `insert into message (id, kind, channel, recipient, subject, about_id, payload, state, sent_at, created_at)
         values ($1, 'order-confirmation', 'email', 'a@example.com', 's', $1, '{}', $2,
           now() - make_interval(days => $3), now() - make_interval(days => $3))`,
        [id, state, daysAgo],
      )
    await add('forget-old', 'sent', 91)
    await add('forget-young', 'sent', 89)
    await add('forget-failed', 'failed', 91)
    assert.equal(await under.service.forget?.(), false)
    const rows = await under.database.query<{ id: string }>(
      `select id from message where id like 'forget-%' order by id`,
      [],
    )
    assert.deepEqual(
      rows.map(row => row.id),
      ['forget-failed', 'forget-young'],
    )
    await under.database.query(`delete from message where id like 'forget-%'`)
  })
})

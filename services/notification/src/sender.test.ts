import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '@storewright/kernel/ids'
import type { Database } from '@storewright/postgres/sql'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { createLogger } from '@storewright/rpc/log'
import { startSender } from './sender.ts'
import { insertMessages } from './store.ts'
import type { Mail, MailTransport } from './transport.ts'

const LEASE_MS = 300

let db: TestDatabase
before(async () => {
  db = await createTestDatabase({
    service: 'notification',
    folders: [{ name: 'notification', url: new URL('../migrations/', import.meta.url) }],
  })
})
after(() => db.drop())

/** A mail server that takes `ms` for each mail. */
function slowTransport(ms: number, took: Mail[]): MailTransport {
  return {
    async send(mail) {
      took.push(mail)
      await sleep(ms)
      return { kind: 'sent' }
    },
    close() {},
  }
}

function senderOn(database: Database, transport: MailTransport) {
  return startSender({
    database,
    transport,
    domain: 'shop.example',
    render: () => ({ subject: 's', html: 'h', text: 't' }),
    log: createLogger({ level: 'silent' }),
    pollMs: 20,
    leaseMs: LEASE_MS,
  })
}

async function queueMessage() {
  const message = {
    id: newId('message'),
    kind: 'order-confirmation' as const,
    recipient: 'a@example.com',
    subject: 's',
    aboutId: newId('order'),
    payload: {},
  }
  await insertMessages(db.database, [message])
  return message.id
}

async function untilSent(id: string): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const [row] = await db.database.query<{ state: string }>('select state from message where id = $1', [id])
    if (row?.state === 'sent') return
    if (Date.now() > deadline) throw new Error(`still ${row?.state}`)
    await sleep(20)
  }
}

test('a mail server slower than the lease gets each mail once, also with two processes', async () => {
  const took: Mail[] = []
  const senders = [1, 2].map(() => senderOn(db.database, slowTransport(4 * LEASE_MS, took)))
  const id = await queueMessage()
  await untilSent(id)
  await Promise.all(senders.map(sender => sender.stop()))
  assert.equal(took.length, 1)
})

test('a database that is away for longer than the lease when a mail was accepted does not send it again', async () => {
  const took: Mail[] = []
  let away = false
  const gone = () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  const database: Database = {
    ...db.database,
    query: (text, values) => (away ? gone() : db.database.query(text, values)),
  }
  const transport = slowTransport(50, took)
  const sender = senderOn(database, {
    ...transport,
    send: mail => {
      away = true
      setTimeout(() => {
        away = false
      }, 3 * LEASE_MS)
      return transport.send(mail)
    },
  })
  const id = await queueMessage()
  await untilSent(id)
  await sleep(2 * LEASE_MS)
  await sender.stop()
  assert.equal(took.length, 1)
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createTransport } from 'nodemailer'
import { refusalOfAddress } from './address.ts'
import { type MailSandbox, startMailSandbox } from './sandbox.ts'

const FROM = 'Shop <shop@example.com>'

interface SmtpError extends Error {
  responseCode?: number
}

async function refusal(sending: Promise<unknown>): Promise<number | undefined> {
  const error = await sending.then(
    () => undefined,
    (error: SmtpError) => error,
  )
  assert.ok(error, 'the message was accepted')
  return error.responseCode
}

describe('receiving', () => {
  let sandbox: MailSandbox
  let transport: ReturnType<typeof createTransport>
  const send = (to: string | string[], more: object = {}) =>
    transport.sendMail({ from: FROM, to, subject: 'Hello', text: 'Hi', ...more })

  before(async () => {
    sandbox = await startMailSandbox({ maxMessageBytes: 100_000, maxRecipients: 5 })
    transport = createTransport(sandbox.smtpUrl)
  })
  after(async () => {
    transport.close()
    await sandbox.stop()
  })

  it('keeps a message with its envelope, subject and both bodies', async () => {
    await send('ada@example.com', {
      subject: 'Order ☃ 1',
      html: '<p>Hi <b>Ada</b></p>',
      messageId: '<1@shop>',
    })
    const [summary] = await sandbox.messages({ to: 'ADA@example.com' })
    assert.ok(summary)
    assert.equal(summary.subject, 'Order ☃ 1')
    assert.equal(summary.messageId, '<1@shop>')
    assert.deepEqual(summary.to, ['ada@example.com'])
    const message = await sandbox.message(summary.id)
    assert.equal(message?.html?.trim(), '<p>Hi <b>Ada</b></p>')
    assert.equal(message?.text?.trim(), 'Hi')
    assert.equal(message?.headerFrom, 'Shop <shop@example.com>')
  })

  it('keeps two deliveries of the same Message-ID: deduplication is the sender’s affair', async () => {
    await send('twice@example.com', { messageId: '<2@shop>' })
    await send('twice@example.com', { messageId: '<2@shop>' })
    assert.equal((await sandbox.messages({ to: 'twice@example.com' })).length, 2)
  })

  it('refuses what a real server refuses', async () => {
    const envelope = (to: string) => ({ envelope: { from: 'shop@example.com', to } })
    for (const address of ['no-dot@domain', 'x@-bad-.com'])
      assert.equal(await refusal(send(address, envelope(address))), 553, address)
    assert.equal(await refusal(send('ada@nowhere.invalid')), 550)
    assert.equal(await refusal(send('ada@example.com', { text: 'x'.repeat(150_000) })), 552)
    const six = Array.from({ length: 6 }, (_, index) => `r${index}@example.com`)
    const info = await send(six)
    assert.deepEqual(info.rejected, ['r5@example.com'])
    const wrong = createTransport({ url: sandbox.smtpUrl, auth: { user: 'shop', pass: 'wrong' } })
    assert.equal(await refusal(wrong.sendMail({ from: FROM, to: 'ada@example.com', text: 'x' })), 535)
  })

  it('fails on request, by the recipient’s name', async () => {
    assert.equal(await refusal(send('bounce@example.com')), 550)
    assert.equal(await refusal(send('full@example.com')), 552)
    assert.equal(await refusal(send('tempfail@example.com')), 451)
    assert.equal(await refusal(send('spam@example.com')), 554)
    assert.equal(await refusal(send('tempfail-2+a@example.com')), 451)
    assert.equal(await refusal(send('tempfail-2+a@example.com')), 451)
    await send('tempfail-2+a@example.com')
    const started = performance.now()
    await send('slow-300@example.com')
    assert.ok(performance.now() - started >= 290)
  })

  it('cuts the connection after keeping the message, so that the sender cannot know', async () => {
    assert.equal(await refusal(send('drop-1@example.com')), undefined)
    assert.equal((await sandbox.messages({ to: 'drop-1@example.com' })).length, 1)
    await send('drop-1@example.com')
    assert.equal((await sandbox.messages({ to: 'drop-1@example.com' })).length, 2)
  })

  it('takes a burst of eight hundred messages over ten connections', async () => {
    const pool = createTransport({
      url: sandbox.smtpUrl,
      pool: true,
      maxConnections: 10,
      maxMessages: Infinity,
    })
    const html = `<p>${'order line '.repeat(1200)}</p>`
    const count = 800
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        pool.sendMail({ from: FROM, to: `load-${index}@example.com`, subject: `Load ${index}`, html }),
      ),
    )
    pool.close()
    assert.equal(
      (await sandbox.messages({ limit: count })).filter(m => m.to[0]?.startsWith('load-')).length,
      count,
    )
  })
})

it('judges addresses as RFC 5321 does', () => {
  const code = (address: string) => refusalOfAddress(address, false)?.code
  for (const address of ['ok+tag@example.co.uk', '"a b"@example.com', "o'hara@example.com", 'x@[192.0.2.1]'])
    assert.equal(code(address), undefined, address)
  for (const address of [
    '.lead@a.com',
    'two..dots@a.com',
    'a b@a.com',
    'x'.repeat(65).concat('@a.com'),
    '@a.com',
  ])
    assert.equal(code(address), 553, address)
  assert.equal(code('jörg@example.com'), 553)
  assert.equal(refusalOfAddress('jörg@example.com', true), undefined)
})

describe('keeping', () => {
  it('survives a restart and a torn last record, and never repeats an id', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mail-test-'))
    const send = async (sandbox: MailSandbox, subject: string) => {
      const transport = createTransport(sandbox.smtpUrl)
      await transport.sendMail({ from: FROM, to: 'ada@example.com', subject, text: subject })
    }
    const subjects = async (sandbox: MailSandbox) => (await sandbox.messages()).map(mail => mail.subject)
    try {
      const first = await startMailSandbox({ dir })
      await send(first, 'one')
      await send(first, 'two')
      await first.stop()
      const file = (await readdir(dir))[0]
      assert.ok(file)
      await appendFile(
        join(dir, file),
        '{"id":3,"receivedAt":"2026-01-01T00:00:00Z","from":"a","to":[],"size":900}\ntorn',
      )

      const second = await startMailSandbox({ dir })
      assert.deepEqual(await subjects(second), ['two', 'one'])
      await send(second, 'three')
      assert.deepEqual(await subjects(second), ['three', 'two', 'one'])
      const newest = (await second.messages({ limit: 1 }))[0]?.id ?? 0
      await second.clear()
      assert.deepEqual(await subjects(second), [])
      await second.stop()

      const third = await startMailSandbox({ dir })
      await send(third, 'four')
      assert.ok(((await third.messages())[0]?.id ?? 0) > newest)
      await third.stop()
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  it('keeps the newest messages only', async () => {
    const sandbox = await startMailSandbox({ maxMessages: 3 })
    const transport = createTransport({ url: sandbox.smtpUrl, pool: true })
    for (const subject of ['1', '2', '3', '4', '5'])
      await transport.sendMail({ from: FROM, to: 'ada@example.com', subject, text: 'x' })
    assert.deepEqual(
      (await sandbox.messages()).map(mail => mail.subject),
      ['5', '4', '3'],
    )
    transport.close()
    await sandbox.stop()
  })
})

describe('the inbox', () => {
  let sandbox: MailSandbox
  before(async () => {
    sandbox = await startMailSandbox()
    const transport = createTransport(sandbox.smtpUrl)
    for (const to of ['a@example.com', 'b@example.com', 'a@example.com'])
      await transport.sendMail({
        from: FROM,
        to,
        subject: '<img src=x onerror=alert(1)>',
        html: '<html><head></head><body><script>alert(1)</script>Hi <img src="cid:logo"></body></html>',
        text: '</pre><script>alert(2)</script>',
        attachments: [{ filename: 'logo.png', content: Buffer.from('89504e47', 'hex'), cid: 'logo' }],
      })
  })
  after(() => sandbox.stop())

  it('lists newest first, filters by recipient, continues after an id', async () => {
    const list = async (query: string) => {
      const reply = await fetch(`${sandbox.url}/api/messages?${query}`)
      const body = (await reply.json()) as { messages: { id: number; to: string[] }[] }
      return body.messages.map(mail => mail.id)
    }
    assert.deepEqual(await list(''), [3, 2, 1])
    assert.deepEqual(await list('to=a@example.com'), [3, 1])
    assert.deepEqual(await list('to=a@example.com&after=1'), [3])
    assert.deepEqual(await list('before=3&limit=1'), [2])
    assert.equal((await fetch(`${sandbox.url}/api/messages?after=x`)).status, 400)
    assert.equal((await fetch(`${sandbox.url}/api/messages/99`)).status, 404)
  })

  it('shows mail without running or trusting anything in it', async () => {
    const list = await (await fetch(sandbox.url)).text()
    assert.ok(!list.includes('<img src=x'))
    assert.ok(list.includes('&lt;img src=x'))
    for (const view of ['html', 'text', 'headers', 'raw']) {
      const page = await (await fetch(`${sandbox.url}/messages/1?view=${view}`)).text()
      assert.ok(!page.includes('<script>alert'), view)
    }
    const frame = await fetch(`${sandbox.url}/messages/1/html`)
    const policy = frame.headers.get('content-security-policy') ?? ''
    assert.match(policy, /^sandbox /)
    assert.doesNotMatch(policy, /allow-scripts|allow-same-origin|script-src/)
    assert.match(await frame.text(), /src="\/messages\/1\/parts\/0"/)
    const part = await fetch(`${sandbox.url}/messages/1/parts/0`)
    assert.equal(part.headers.get('content-type'), 'image/png')
    assert.deepEqual(Buffer.from(await part.arrayBuffer()).toString('hex'), '89504e47')
  })

  it('refuses foreign hosts and cross-site deletion, and clears on request', async () => {
    const cross = await fetch(`${sandbox.url}/clear`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    assert.equal(cross.status, 403)
    assert.equal((await sandbox.messages()).length, 3)
    assert.equal((await fetch(`${sandbox.url}/api/messages`, { method: 'DELETE' })).status, 204)
    assert.equal((await sandbox.messages()).length, 0)
  })
})

it('runs as a process that ends with its parent', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mail-test-'))
  const main = new URL('main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, '--smtp-port', '0', '--http-port', '0', '--dir', dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const ports = JSON.parse(line.toString()) as { smtpPort: number; httpPort: number }
  assert.equal((await fetch(`http://127.0.0.1:${ports.httpPort}/`)).status, 200)
  await createTransport(`smtp://127.0.0.1:${ports.smtpPort}`).sendMail({
    from: FROM,
    to: 'ada@example.com',
    text: 'x',
  })
  child.stdin.end()
  const [code] = (await once(child, 'exit')) as [number]
  assert.equal(code, 0)
  await rm(dir, { recursive: true })
})

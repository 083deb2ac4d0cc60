import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { refusalOfAddress } from './address.ts'
import type { Mailbox } from './mailbox.ts'
import { createTriggerCount, type Trigger, triggerOf } from './trigger.ts'

export interface SmtpLimits {
  /** Octets; advertised as SIZE, a larger message gets 552. */
  readonly maxMessageBytes: number
  /** Per message; one more gets 452. */
  readonly maxRecipients: number
}

/** Gmail takes 25 MB and 100 recipients per message from a client. */
export const SMTP_LIMITS: SmtpLimits = { maxMessageBytes: 25 * 1024 * 1024, maxRecipients: 100 }

export interface SmtpListener {
  readonly port: number
  stop(): Promise<void>
}

class SmtpRefusal extends Error {
  readonly responseCode: number
  constructor(refusal: { code: number; message: string }) {
    super(refusal.message)
    this.responseCode = refusal.code
  }
}

export async function startSmtp(
  mailbox: Mailbox,
  port: number,
  limits: SmtpLimits = SMTP_LIMITS,
): Promise<SmtpListener> {
  const sockets = new Map<number, Socket>()
  const fires = createTriggerCount()

  const server = new SMTPServer({
    name: 'mail.sandbox.test',
    banner: 'Storewright mail sandbox: nothing leaves this machine',
    size: limits.maxMessageBytes,
    rejectOversized: true,
    maxRecipients: limits.maxRecipients,
    // Our own check answers 553 with the reason where the strict parser says 501 only.
    lenientAddressParsing: true,
    authOptional: true,
    allowInsecureAuth: true,
    authMethods: ['PLAIN', 'LOGIN'],
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    onAuth(auth, _session, callback) {
      if (auth.password === 'wrong')
        callback(new SmtpRefusal({ code: 535, message: '5.7.8 Username and password not accepted' }))
      else callback(null, { user: auth.username ?? 'anonymous' })
    },
    onMailFrom(address, session, callback) {
      const utf8 = session.envelope.smtpUtf8 === true
      const refusal = address.address === '' ? undefined : refusalOfAddress(address.address, utf8)
      callback(refusal ? new SmtpRefusal(refusal) : null)
    },
    onRcptTo(address, session, callback) {
      const refusal = refusalOfAddress(address.address, session.envelope.smtpUtf8 === true)
      if (refusal) return callback(new SmtpRefusal(refusal))
      const trigger = triggerOf(address.address)
      if (trigger?.kind === 'refuse-recipient' && fires(address.address, trigger.times))
        return callback(new SmtpRefusal(trigger.refusal))
      callback()
    },
    onData(stream, session, callback) {
      receive(stream, session).then(
        reply => callback(null, reply),
        error => callback(error),
      )
    },
  })

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk as Buffer)
    if (stream.sizeExceeded) throw new SmtpRefusal({ code: 552, message: '5.3.4 Message too big' })
    const raw = Buffer.concat(chunks)
    const sender = session.envelope.mailFrom
    const recipients = session.envelope.rcptTo.map(recipient => recipient.address)
    if (countFromHeaders(raw) !== 1)
      throw new SmtpRefusal({ code: 550, message: '5.7.1 Messages need exactly one From header (RFC 5322)' })
    const active = triggersOf(recipients)
    for (const trigger of active) if (trigger.kind === 'refuse-data') throw new SmtpRefusal(trigger.refusal)
    for (const trigger of active) if (trigger.kind === 'delay') await sleep(trigger.delayMs)
    const mail = await mailbox.append({ from: sender ? sender.address : '', to: recipients }, raw)
    if (active.some(trigger => trigger.kind === 'drop')) sockets.get(session.remotePort)?.destroy()
    return `OK: queued as ${mail.id}`
  }

  function triggersOf(recipients: readonly string[]): Trigger[] {
    return recipients.flatMap(address => {
      const trigger = triggerOf(address)
      if (!trigger || trigger.kind === 'refuse-recipient') return []
      return trigger.kind === 'delay' || fires(address, trigger.times) ? [trigger] : []
    })
  }

  server.server.on('connection', (socket: Socket) => {
    const { remotePort } = socket
    if (remotePort === undefined) return
    sockets.set(remotePort, socket)
    socket.on('close', () => sockets.delete(remotePort))
  })
  // Clients that vanish in mid-conversation are ordinary here.
  server.on('error', () => {})

  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
  const address = server.server.address()
  if (address === null || typeof address === 'string') throw new Error('the SMTP server has no TCP port')
  return {
    port: address.port,
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of sockets.values()) socket.destroy()
      }),
  }
}

function countFromHeaders(raw: Buffer): number {
  const end = raw.indexOf('\r\n\r\n')
  const head = raw.toString('latin1', 0, end < 0 ? raw.length : end)
  return head.match(/^from:/gim)?.length ?? 0
}

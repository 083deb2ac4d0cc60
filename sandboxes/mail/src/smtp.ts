import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server'
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
    ...conversation(mailbox, session => sockets.get(session.remotePort)?.destroy()),
  })
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

type Conversation = Required<Pick<SMTPServerOptions, 'onAuth' | 'onMailFrom' | 'onRcptTo' | 'onData'>>

/** What the server says at each step. `hangUp` cuts the connection without a word. */
function conversation(mailbox: Mailbox, hangUp: (session: SMTPServerSession) => void): Conversation {
  const fires = createTriggerCount()

  function triggersOf(recipients: readonly string[]): Trigger[] {
    return recipients.flatMap(address => {
      const trigger = triggerOf(address)
      if (!trigger || trigger.kind === 'refuse-recipient') return []
      return trigger.kind === 'delay' || fires(address, trigger.times) ? [trigger] : []
    })
  }

  async function receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const raw = await readMessage(stream)
    const sender = session.envelope.mailFrom
    const recipients = session.envelope.rcptTo.map(recipient => recipient.address)
    if (countFromHeaders(raw) !== 1)
      throw new SmtpRefusal({ code: 550, message: '5.7.1 Messages need exactly one From header (RFC 5322)' })
    const active = triggersOf(recipients)
    for (const trigger of active) if (trigger.kind === 'refuse-data') throw new SmtpRefusal(trigger.refusal)
    for (const trigger of active) if (trigger.kind === 'delay') await sleep(trigger.delayMs)
    const mail = await mailbox.append({ from: sender ? sender.address : '', to: recipients }, raw)
    if (active.some(trigger => trigger.kind === 'drop')) hangUp(session)
    return `OK: queued as ${mail.id}`
  }

  return {
    onAuth(auth, _session, callback) {
      if (auth.password === 'wrong')
        callback(new SmtpRefusal({ code: 535, message: '5.7.8 Username and password not accepted' }))
      else callback(null, { user: auth.username ?? 'anonymous' })
    },
    onMailFrom({ address }, session, callback) {
      // The null sender of bounces is an address too.
      const refusal =
        address === '' ? undefined : refusalOfAddress(address, session.envelope.smtpUtf8 === true)
      callback(refusal ? new SmtpRefusal(refusal) : null)
    },
    onRcptTo({ address }, session, callback) {
      const refusal = refusalOfAddress(address, session.envelope.smtpUtf8 === true)
      if (refusal) return callback(new SmtpRefusal(refusal))
      const trigger = triggerOf(address)
      if (trigger?.kind === 'refuse-recipient' && fires(address, trigger.times))
        return callback(new SmtpRefusal(trigger.refusal))
      callback()
    },
    onData(stream, session, callback) {
      receive(stream, session).then(
        reply => callback(null, reply),
        error => callback(error),
      )
    },
  }
}

async function readMessage(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  // What exceeds the size is read, as the protocol demands, but not kept.
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk as Buffer)
  if (stream.sizeExceeded) throw new SmtpRefusal({ code: 552, message: '5.3.4 Message too big' })
  return Buffer.concat(chunks)
}

function countFromHeaders(raw: Buffer): number {
  const end = raw.indexOf('\r\n\r\n')
  const head = raw.toString('latin1', 0, end < 0 ? raw.length : end)
  return head.match(/^from:/gim)?.length ?? 0
}

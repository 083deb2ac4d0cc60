import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { createInbox } from './inbox.ts'
import { MAILBOX_LIMITS, type MailboxLimits, type MailFilter, openMailbox } from './mailbox.ts'
import { createMessageReader, type MailMessage, type MailSummary } from './message.ts'
import { SMTP_LIMITS, type SmtpLimits, startSmtp } from './smtp.ts'

export interface MailSandboxOptions extends Partial<SmtpLimits>, Partial<MailboxLimits> {
  /** 0 or nothing takes a free port. */
  readonly smtpPort?: number
  readonly httpPort?: number
  /** Where messages are kept. Without it they live in a temporary folder until `stop`. */
  readonly dir?: string
}

export interface MailSandbox {
  /** For `SMTP_URL`: `smtp://127.0.0.1:…`. */
  readonly smtpUrl: string
  /** The inbox page. */
  readonly url: string
  readonly smtpPort: number
  readonly httpPort: number
  /** Newest first. */
  messages(filter?: MailFilter): Promise<MailSummary[]>
  message(id: number): Promise<MailMessage | undefined>
  clear(): Promise<void>
  stop(): Promise<void>
}

/** An SMTP server that keeps everything and forwards nothing, with an inbox page. Loopback only. */
export async function startMailSandbox(options: MailSandboxOptions = {}): Promise<MailSandbox> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'storewright-mail-')))
  const mailbox = await openMailbox(dir, {
    maxMessages: options.maxMessages ?? MAILBOX_LIMITS.maxMessages,
    maxBytes: options.maxBytes ?? MAILBOX_LIMITS.maxBytes,
  })
  const reader = createMessageReader(mailbox)
  const smtp = await startSmtp(mailbox, options.smtpPort ?? 0, {
    maxMessageBytes: options.maxMessageBytes ?? SMTP_LIMITS.maxMessageBytes,
    maxRecipients: options.maxRecipients ?? SMTP_LIMITS.maxRecipients,
  })
  const http = createAdaptorServer({ fetch: createInbox(mailbox, reader).fetch })
  try {
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(options.httpPort ?? 0, '127.0.0.1', resolve)
    })
  } catch (error) {
    await smtp.stop()
    await mailbox.close()
    throw error
  }
  const httpPort = (http.address() as AddressInfo).port
  return {
    smtpUrl: `smtp://127.0.0.1:${smtp.port}`,
    url: `http://127.0.0.1:${httpPort}`,
    smtpPort: smtp.port,
    httpPort,
    messages: (filter = {}) => reader.list(filter),
    message: id => reader.message(id),
    async clear() {
      await mailbox.clear()
      reader.forget()
    },
    async stop() {
      await smtp.stop()
      await new Promise<void>(resolve => {
        http.close(() => resolve())
        if ('closeAllConnections' in http) http.closeAllConnections()
      })
      await mailbox.close()
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
    },
  }
}

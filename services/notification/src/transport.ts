import { createTransport } from 'nodemailer'
import type { SendOutcome } from './domain.ts'

export interface Mail {
  readonly to: string
  /** With angle brackets. */
  readonly messageId: string
  readonly subject: string
  readonly html: string
  readonly text: string
}

export interface MailTransport {
  /** Never rejects: what an SMTP server answers is an outcome. */
  send(mail: Mail): Promise<SendOutcome>
  close(): void
}

/** Servers commonly allow 10 to 20 connections of one client. */
export const SMTP_CONNECTIONS = 10
const CONNECT_TIMEOUT_MS = 10_000
/** RFC 5321 §4.5.3.2 allows minutes; a submission server that says nothing for this long is hanging. */
const SILENCE_TIMEOUT_MS = 30_000
const ERROR_TEXT_MAX = 500

/** `url` as nodemailer reads it: `smtp://user:password@host:587`, `smtps://…:465`. */
export function createMailTransport(url: string, from: string): MailTransport {
  const pool = createTransport({
    url,
    pool: true,
    maxConnections: SMTP_CONNECTIONS,
    maxMessages: 1000,
    // The row in the database decides about another try, not the pool.
    maxRequeues: 0,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send(mail) {
      try {
        await pool.sendMail({
          from,
          to: { name: '', address: mail.to },
          subject: mail.subject,
          html: mail.html,
          text: mail.text,
          messageId: mail.messageId,
          // Otherwise nodemailer counts every character of both texts to choose.
          textEncoding: 'quoted-printable',
          // RFC 3834: no vacation notice in return.
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return { kind: 'sent' }
      } catch (error) {
        return outcomeOf(error)
      }
    },
    close: () => pool.close(),
  }
}

/** 5xx says never, except at login: a wrong password is the shop's fault and not the message's. */
function outcomeOf(error: unknown): SendOutcome {
  const { responseCode, code, message } = error as { responseCode?: number; code?: string; message?: string }
  // Postgres refuses NUL in text.
  const text = (message ?? String(error)).replaceAll('\0', '').slice(0, ERROR_TEXT_MAX)
  const permanent = (responseCode ?? 0) >= 500 && code !== 'EAUTH'
  // Without a reply code: refused by nodemailer itself before any connection.
  const unsendable = responseCode === undefined && code === 'EENVELOPE'
  return { kind: permanent || unsendable ? 'permanent' : 'temporary', error: text }
}

/** The domain of `Shop <orders@shop.example>`; throws when there is none. */
export function domainOf(from: string): string {
  const match = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)
  if (!match?.[1]) throw new RangeError(`MAIL_FROM ${JSON.stringify(from)} holds no email address`)
  return match[1].toLowerCase()
}

/** The name in `Shop <orders@shop.example>`, or the address's domain. */
export function senderName(from: string): string {
  const name = /^\s*"?([^"<]*?)"?\s*</.exec(from)?.[1]
  return name || domainOf(from)
}

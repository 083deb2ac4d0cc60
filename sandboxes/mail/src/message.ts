import PostalMime, { type Address, type Email } from 'postal-mime'
import type { Mailbox } from './mailbox.ts'
import type { StoredMail } from './segment.ts'

/** One line of the inbox: the envelope, and what the headers say. */
export interface MailSummary extends StoredMail {
  readonly subject: string
  /** With the angle brackets, as sent. */
  readonly messageId: string | null
}

export interface MailPart {
  readonly filename: string | null
  readonly mimeType: string
  readonly size: number
  readonly contentId: string | null
}

export interface MailMessage extends MailSummary {
  /** From, To, Cc and Reply-To as the headers give them: `Name <address>`. */
  readonly headerFrom: string
  readonly headerTo: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly html: string | null
  readonly text: string | null
  readonly attachments: readonly MailPart[]
}

/** Enough for the headers of any mail a store sends; the list must not read whole messages. */
const HEAD_BYTES = 16 * 1024

/** Headers are read when a page asks for them, never while receiving. */
export function createMessageReader(mailbox: Mailbox) {
  const summaries = new Map<number, MailSummary>()
  const SUMMARIES_MAX = 2000

  async function summarize(mail: StoredMail): Promise<MailSummary | undefined> {
    const known = summaries.get(mail.id)
    if (known) return known
    const raw = await mailbox.raw(mail.id, HEAD_BYTES)
    if (!raw) return undefined
    const end = raw.indexOf('\r\n\r\n')
    const email = await PostalMime.parse(end < 0 ? raw : raw.subarray(0, end + 4))
    const summary = { ...mail, subject: email.subject ?? '', messageId: email.messageId ?? null }
    if (summaries.size >= SUMMARIES_MAX) summaries.clear()
    summaries.set(mail.id, summary)
    return summary
  }

  return {
    async list(filter: Parameters<Mailbox['list']>[0]): Promise<MailSummary[]> {
      const found = await Promise.all(mailbox.list(filter).map(summarize))
      return found.filter(summary => summary !== undefined)
    },
    async message(id: number): Promise<MailMessage | undefined> {
      const mail = mailbox.find(id)
      const raw = mail && (await mailbox.raw(id))
      if (!mail || !raw) return undefined
      const email = await PostalMime.parse(raw)
      return {
        ...mail,
        subject: email.subject ?? '',
        messageId: email.messageId ?? null,
        headerFrom: addressText(email.from ? [email.from] : []),
        headerTo: addressText(email.to ?? []),
        headers: email.headers.map(header => ({ name: header.originalKey, value: header.value })),
        html: email.html ?? null,
        text: email.text ?? null,
        attachments: email.attachments.map(part => ({
          filename: part.filename,
          mimeType: part.mimeType,
          size: bytesOf(part).length,
          contentId: part.contentId ?? null,
        })),
      }
    },
    /** One attachment by its place in `attachments`. */
    async part(id: number, index: number): Promise<{ content: Buffer; mimeType: string } | undefined> {
      const raw = await mailbox.raw(id)
      const part = raw && (await PostalMime.parse(raw)).attachments[index]
      return part && { content: bytesOf(part), mimeType: part.mimeType }
    },
    forget(): void {
      summaries.clear()
    },
  }
}

export type MessageReader = ReturnType<typeof createMessageReader>

function bytesOf(part: Email['attachments'][number]): Buffer {
  const { content } = part
  if (typeof content === 'string') return Buffer.from(content, part.encoding === 'base64' ? 'base64' : 'utf8')
  return content instanceof Uint8Array ? Buffer.from(content) : Buffer.from(new Uint8Array(content))
}

function addressText(list: readonly Address[]): string {
  return list
    .flatMap(address => address.group ?? [address])
    .map(({ name, address }) => (name ? `${name} <${address}>` : address))
    .join(', ')
}

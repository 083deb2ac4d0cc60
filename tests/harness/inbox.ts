import { setTimeout as sleep } from 'node:timers/promises'

export interface Mail {
  readonly id: number
  readonly subject: string
  readonly to: readonly string[]
  readonly text: string
  readonly html: string
}

const MAIL_TIMEOUT_MS = 20_000

/** All messages to an address once there are as many as asked for. */
export async function mailsTo(inboxUrl: string, to: string, count = 1): Promise<Mail[]> {
  const deadline = Date.now() + MAIL_TIMEOUT_MS
  for (;;) {
    const ids = await messageIds(inboxUrl, to)
    if (ids.length >= count)
      return Promise.all(
        ids.map(async id => (await fetch(`${inboxUrl}/api/messages/${id}`)).json() as Promise<Mail>),
      )
    if (Date.now() > deadline) throw new Error(`${ids.length} of ${count} mails to ${to} after 20 s`)
    await sleep(50)
  }
}

export async function firstMail(inboxUrl: string, to: string): Promise<Mail> {
  const [mail] = await mailsTo(inboxUrl, to)
  if (!mail) throw new Error(`no mail to ${to}`)
  return mail
}

/** The signed link as a person without HTML mail would copy it. */
export function trackingLink(mail: Mail): string {
  const link = mail.text.match(/https?:\/\/\S+\/orders\/\S+token=\S+/)?.[0]
  if (!link) throw new Error(`no tracking link in the text:\n${mail.text}`)
  return link
}

/** How many mails have arrived in all. */
export async function countMails(inboxUrl: string): Promise<number> {
  let count = 0
  let before = ''
  for (;;) {
    const response = await fetch(`${inboxUrl}/api/messages?limit=500${before}`)
    const { messages } = (await response.json()) as { messages: { id: number }[] }
    const last = messages.at(-1)
    if (!last) return count
    count += messages.length
    before = `&before=${last.id}`
  }
}

async function messageIds(inboxUrl: string, to: string): Promise<number[]> {
  const response = await fetch(`${inboxUrl}/api/messages?to=${encodeURIComponent(to)}`)
  const { messages } = (await response.json()) as { messages: { id: number }[] }
  return messages.map(({ id }) => id)
}

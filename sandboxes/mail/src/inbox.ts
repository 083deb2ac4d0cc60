import { readFileSync } from 'node:fs'
import { type Context, Hono } from 'hono'
import type { Mailbox, MailFilter } from './mailbox.ts'
import type { MessageReader } from './message.ts'
import { inboxPage, messagePage, notFoundPage, type View } from './page.ts'

const PAGE_SIZE = 50
/** A test that sends a thousand orders reads its mail in two requests; more would block receiving. */
const LIST_MAX = 500

const CSS = readFileSync(new URL('inbox.css', import.meta.url), 'utf8')
const SCRIPT = readFileSync(new URL('inbox-refresh.js', import.meta.url), 'utf8')

const PAGE_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
/** For what senders wrote: no script, no form, no frame; styles and pictures as a mail program shows them. */
const MAIL_POLICY =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; " +
  "img-src 'self' data: http: https:; font-src data:; form-action 'none'; frame-ancestors 'self'"

/** The inbox as pages for people and JSON for tests. */
export function createInbox(mailbox: Mailbox, reader: MessageReader): Hono {
  const app = new Hono()

  // A page elsewhere must not read the mail through a name that resolves to 127.0.0.1, nor clear it by a form.
  app.use(async (context, next) => {
    const { hostname } = new URL(context.req.url)
    if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return context.text('Unknown host', 421)
    const site = context.req.header('sec-fetch-site')
    const reads = context.req.method === 'GET' || context.req.method === 'HEAD'
    if (!reads && site !== undefined && site !== 'same-origin' && site !== 'none')
      return context.text('Cross-site requests are refused', 403)
    context.header('content-security-policy', PAGE_POLICY)
    context.header('x-content-type-options', 'nosniff')
    context.header('referrer-policy', 'no-referrer')
    context.header('cache-control', 'no-store')
    await next()
  })

  const clear = async () => {
    await mailbox.clear()
    reader.forget()
  }
  addJson(app, reader, clear)
  addPages(app, mailbox, reader, clear)
  addParts(app, mailbox, reader)
  return app
}

function addJson(app: Hono, reader: MessageReader, clear: () => Promise<void>): void {
  app.get('/api/messages', async context => {
    const filter = filterOf(context, PAGE_SIZE)
    if (typeof filter === 'string') return context.json({ title: 'Bad request', detail: filter }, 400)
    return context.json({ messages: await reader.list(filter) })
  })
  app.get('/api/messages/:id', async context => {
    const message = await reader.message(idOf(context))
    return message ? context.json(message) : context.json({ title: 'Not found' }, 404)
  })
  app.delete('/api/messages', async context => {
    await clear()
    return context.body(null, 204)
  })
}

function addPages(app: Hono, mailbox: Mailbox, reader: MessageReader, clear: () => Promise<void>): void {
  app.get('/', async context => {
    const filter = filterOf(context, PAGE_SIZE)
    if (typeof filter === 'string') return context.text(filter, 400)
    const messages = await reader.list({ ...filter, limit: PAGE_SIZE + 1 })
    const shown = messages.slice(0, PAGE_SIZE)
    const older = messages.length > PAGE_SIZE ? shown.at(-1)?.id : undefined
    const newest = mailbox.list({ limit: 1 })[0]?.id ?? 0
    return context.html(inboxPage({ messages: shown, to: filter.to ?? '', newest, older }))
  })
  app.post('/clear', async context => {
    await clear()
    return context.redirect('/', 303)
  })
  app.get('/messages/:id', async context => {
    const mail = await reader.message(idOf(context))
    if (!mail) return context.html(notFoundPage(), 404)
    const asked = context.req.query('view')
    const view: View = isView(asked) ? asked : mail.html === null ? 'text' : 'html'
    const raw = view === 'raw' ? ((await mailbox.raw(mail.id))?.toString('utf8') ?? '') : ''
    return context.html(messagePage(mail, view === 'html' && mail.html === null ? 'text' : view, raw))
  })
}

/** What pages are made of, served by itself. */
function addParts(app: Hono, mailbox: Mailbox, reader: MessageReader): void {
  app.get('/messages/:id/html', async context => {
    const mail = await reader.message(idOf(context))
    if (!mail || mail.html === null) return context.notFound()
    context.header('content-security-policy', MAIL_POLICY)
    return context.html(framed(mail.id, mail.html, mail.attachments))
  })
  app.get('/messages/:id/raw', async context => {
    const raw = await mailbox.raw(idOf(context))
    if (!raw) return context.notFound()
    return context.body(new Uint8Array(raw), 200, { 'content-type': 'text/plain; charset=utf-8' })
  })
  app.get('/messages/:id/parts/:index', async context => {
    const part = await reader.part(idOf(context), Number(context.req.param('index')))
    if (!part) return context.notFound()
    const inline = /^image\/(png|jpeg|gif|webp|avif)$/.test(part.mimeType)
    return context.body(new Uint8Array(part.content), 200, {
      'content-type': inline ? part.mimeType : 'application/octet-stream',
      'content-disposition': inline ? 'inline' : 'attachment',
    })
  })
  app.get('/inbox.css', context => context.body(CSS, 200, { 'content-type': 'text/css; charset=utf-8' }))
  app.get('/inbox-refresh.js', context =>
    context.body(SCRIPT, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  )
}

/** Pictures sent along (`cid:`) come from here, and links open outside the frame. */
function framed(id: number, source: string, parts: readonly { contentId: string | null }[]): string {
  const withParts = source.replace(/cid:([^"'\s)>]+)/gi, (whole, contentId: string) => {
    const index = parts.findIndex(part => part.contentId === `<${contentId}>`)
    return index < 0 ? whole : `/messages/${id}/parts/${index}`
  })
  const base = '<base target="_blank">'
  return /<head[^>]*>/i.test(withParts)
    ? withParts.replace(/<head[^>]*>/i, head => head + base)
    : base + withParts
}

function filterOf(context: Context, defaultLimit: number): MailFilter | string {
  const filter: { to?: string; after?: number; before?: number; limit?: number } = {}
  const to = context.req.query('to')?.trim()
  if (to) filter.to = to
  for (const name of ['after', 'before', 'limit'] as const) {
    const text = context.req.query(name)
    if (text === undefined || text === '') continue
    if (!/^\d{1,15}$/.test(text)) return `${name} must be a whole number`
    filter[name] = Number(text)
  }
  filter.limit = Math.min(Math.max(filter.limit ?? defaultLimit, 1), LIST_MAX)
  return filter
}

function idOf(context: Context): number {
  const id = Number(context.req.param('id'))
  return Number.isSafeInteger(id) ? id : -1
}

function isView(value: string | undefined): value is View {
  return value === 'html' || value === 'text' || value === 'headers' || value === 'raw'
}

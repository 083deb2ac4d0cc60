import { html } from 'hono/html'
import type { MailMessage, MailSummary } from './message.ts'

export type View = 'html' | 'text' | 'headers' | 'raw'
type Html = ReturnType<typeof html>

export function inboxPage(page: {
  messages: readonly MailSummary[]
  to: string
  newest: number
  older: number | undefined
}): Html {
  const rows = page.messages.map(
    mail => html`<li><a href="/messages/${mail.id}">
      <strong>${mail.subject || '(no subject)'}</strong>
      <time class="quiet" datetime="${mail.receivedAt}">${shortTime(mail.receivedAt)}</time>
      <span class="quiet">to ${mail.to.join(', ')}</span>
      <span class="quiet">${sizeText(mail.size)}</span>
    </a></li>`,
  )
  const older = page.older === undefined ? '' : olderLink(page.older, page.to)
  return layout(
    'Inbox',
    html`<h1>Inbox</h1>
    <div class="tools">
      <form method="get" action="/" role="search">
        <input type="search" name="to" value="${page.to}" placeholder="Recipient address" aria-label="Recipient address">
        <button>Filter</button>
      </form>
      <form method="post" action="/clear"><button>Delete all</button></form>
    </div>
    <div data-newest="${page.newest}" data-to="${page.to}">
      ${rows.length > 0 ? html`<ul class="list">${rows}</ul>` : html`<p class="list empty">No mail${page.to ? ` to ${page.to}` : ' yet'}.</p>`}
    </div>
    ${older}
    <script src="/inbox-refresh.js" type="module"></script>`,
  )
}

export function messagePage(mail: MailMessage, view: View, raw: string): Html {
  const views: View[] = mail.html === null ? ['text', 'headers', 'raw'] : ['html', 'text', 'headers', 'raw']
  const names = { html: 'HTML', text: 'Text', headers: 'Headers', raw: 'Raw' }
  return layout(
    mail.subject || '(no subject)',
    html`<h1>${mail.subject || '(no subject)'}</h1>
    <dl>
      <dt>From</dt><dd>${mail.headerFrom}</dd>
      <dt>To</dt><dd>${mail.headerTo}</dd>
      <dt>Envelope</dt><dd>${mail.from || '<>'} → ${mail.to.join(', ')}</dd>
      <dt>Received</dt><dd><time datetime="${mail.receivedAt}">${longTime(mail.receivedAt)}</time>, ${sizeText(mail.size)}</dd>
      ${mail.attachments.length > 0 ? html`<dt>Attached</dt><dd>${attachmentLinks(mail)}</dd>` : ''}
    </dl>
    <nav class="views" aria-label="Views">
      ${views.map(
        name =>
          html`<a href="/messages/${mail.id}?view=${name}" ${name === view ? html`aria-current="page"` : ''}>${names[name]}</a>`,
      )}
    </nav>
    ${viewOf(mail, view, raw)}`,
  )
}

function viewOf(mail: MailMessage, view: View, raw: string): Html {
  switch (view) {
    case 'html':
      return html`<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="/messages/${mail.id}/html" title="The message as HTML"></iframe>`
    case 'text':
      return html`<pre>${mail.text ?? 'This message has no text part.'}</pre>`
    case 'headers':
      return html`<pre>${mail.headers.map(({ name, value }) => `${name}: ${value}`).join('\n')}</pre>`
    case 'raw':
      return html`<p><a href="/messages/${mail.id}/raw" download="${mail.id}.eml">Download</a></p><pre>${raw}</pre>`
  }
}

export function notFoundPage(): Html {
  return layout(
    'Not here',
    html`<h1>Not here</h1><p>The message was deleted, or never came. <a href="/">Back to the inbox</a></p>`,
  )
}

function layout(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title} · Mail sandbox</title>
  <link rel="stylesheet" href="/inbox.css">
  <link rel="icon" href="data:,">
</head>
<body>
  <header><div><a href="/">Mail sandbox</a><span>Nothing leaves this machine</span></div></header>
  <main>${body}</main>
</body>
</html>`
}

function olderLink(before: number, to: string): Html {
  const query = new URLSearchParams({ before: String(before), ...(to && { to }) })
  return html`<a class="more" href="/?${query.toString()}">Older messages</a>`
}

function attachmentLinks(mail: MailMessage): Html[] {
  return mail.attachments.map(
    (part, index) =>
      html`<a href="/messages/${mail.id}/parts/${index}">${part.filename ?? part.mimeType}</a> (${sizeText(part.size)}) `,
  )
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function shortTime(iso: string): string {
  return new Date(iso).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })
}

function longTime(iso: string): string {
  return new Date(iso).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'medium', hour12: false })
}

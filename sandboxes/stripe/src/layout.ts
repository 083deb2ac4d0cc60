import { html } from 'hono/html'

export type Html = ReturnType<typeof html>

export function layout(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="robots" content="noindex">
  <title>${title} · Stripe sandbox</title>
  <link rel="stylesheet" href="/pages.css">
  <link rel="icon" href="data:,">
</head>
<body>
  <header class="banner">Sandbox: this stands in for Stripe. No money moves; use test cards only.</header>
  <main>${body}</main>
</body>
</html>`
}

export function notice(title: string, text: string, link?: { href: string; text: string }): Html {
  return layout(
    title,
    html`<div class="sheet narrow"><h1>${title}</h1><p>${text}</p>
    ${link ? html`<a class="back" href="${link.href}">${link.text}</a>` : ''}</div>`,
  )
}

import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { errorTable } from './error-table.ts'
import { openapiDocument } from './openapi.ts'

/** A fixed answer: made once, at its first request. */
export interface Document {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
  readonly gzipped: Uint8Array<ArrayBuffer>
}

/**
 * The reference needs more than API answers may: its own script and style, and Swagger UI's icons, which are
 * data: images. Nothing inline; it talks to our own origin only.
 */
const REFERENCE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HTML = 'text/html; charset=utf-8'
const CSS = 'text/css; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

/** By path: the OpenAPI document, the browsable reference, and what error codes mean. */
export function createDocuments(options: {
  publicUrl: string
}): ReadonlyMap<string, () => Promise<Document>> {
  const own = (file: string) => () => readFile(new URL(`../static/${file}`, import.meta.url))
  const swagger = (file: string) => () => readFile(new URL(import.meta.resolve(`swagger-ui-dist/${file}`)))
  return new Map([
    [
      '/api/openapi.json',
      once('application/json', async () => JSON.stringify(await openapiDocument(options.publicUrl))),
    ],
    ['/api/reference', once(HTML, own('reference.html'))],
    ['/api/reference/page.css', once(CSS, own('reference.css'))],
    ['/api/reference/page.js', once(SCRIPT, own('reference.js'))],
    ['/api/reference/swagger-ui.css', once(CSS, swagger('swagger-ui.css'))],
    ['/api/reference/swagger-ui-bundle.js', once(SCRIPT, swagger('swagger-ui-bundle.js'))],
    ['/docs/errors', once(HTML, async () => errorsPage())],
  ])
}

function once(contentType: string, make: () => Promise<string | Buffer>): () => Promise<Document> {
  let made: Promise<Document> | undefined
  return () => {
    made ??= make().then(
      content => {
        const body = Uint8Array.from(Buffer.from(content))
        const headers = {
          'content-type': contentType,
          'cache-control': 'no-cache',
          vary: 'Accept-Encoding',
          ...(contentType === HTML ? { 'content-security-policy': REFERENCE_POLICY } : {}),
        }
        return { headers, body, gzipped: Uint8Array.from(gzipSync(body)) }
      },
      error => {
        made = undefined
        throw error
      },
    )
    return made
  }
}

function errorsPage(): string {
  const entries = errorTable().map(
    ({ code, status, meaning, declaredBy }) =>
      `<section id="${code}"><h2><a href="#${code}">${code}</a> <small>${status}</small></h2><p>${prose(meaning)}</p>${
        declaredBy.length > 0
          ? `<p>Declared by ${declaredBy.map(id => `<code>${id}</code>`).join(', ')}.</p>`
          : ''
      }</section>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Errors of the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/reference/page.css">
</head>
<body class="prose">
<h1>Errors of the API</h1>
<p>Every error answer is a problem (RFC 9457). Programs read <code>code</code>; people read <code>detail</code>. The
<a href="/api/reference">reference</a> says which operation answers which.</p>
${entries.join('\n')}
</body>
</html>
`
}

/** Escapes text for HTML and turns backquoted words into code. */
function prose(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/`([^`]+)`/g, '<code>$1</code>')
}

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
}

const COMPRESSIBLE = /^(text\/|application\/json|image\/svg)/

interface Asset {
  readonly headers: Record<string, string>
  readonly etag: string
  readonly bodies: { readonly identity: Bytes; readonly gzip?: Bytes; readonly br?: Bytes }
}

type Bytes = Uint8Array<ArrayBuffer>

/** Answers GET and HEAD for files of the client build; `undefined` when there is no such file. */
export function loadAssets(directory: URL): (request: Request) => Response | undefined {
  const assets = new Map<string, Asset>()
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = `${entry.parentPath}/${entry.name}`
    const path = file.slice(decodeURIComponent(directory.pathname).length).replace(/^\/+/, '')
    assets.set(`/${path}`, prepare(path, readFileSync(file)))
  }
  return request => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const asset = assets.get(new URL(request.url).pathname)
    return asset && answer(request, asset)
  }
}

function prepare(path: string, file: Uint8Array): Asset {
  const body = new Uint8Array(file)
  const type = TYPES[extname(path)] ?? 'application/octet-stream'
  const hashed = path.startsWith('_astro/')
  const headers = {
    'content-type': type,
    // Names under _astro carry a content hash; the others (robots.txt, icon) may change with a release.
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=3600',
    vary: 'accept-encoding',
    'x-content-type-options': 'nosniff',
  }
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 20)}"`
  if (!COMPRESSIBLE.test(type)) return { headers, etag, bodies: { identity: body } }
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }
  const gzip = new Uint8Array(gzipSync(body, { level: 9 }))
  const br = new Uint8Array(brotliCompressSync(body, quality))
  return { headers, etag, bodies: { identity: body, gzip, br } }
}

function answer(request: Request, asset: Asset): Response {
  const headers = new Headers(asset.headers)
  headers.set('etag', asset.etag)
  if (request.headers.get('if-none-match') === asset.etag) return new Response(null, { status: 304, headers })
  const accepted = request.headers.get('accept-encoding') ?? ''
  const { br, gzip, identity } = asset.bodies
  let body = identity
  if (br && /\bbr\b/.test(accepted)) {
    body = br
    headers.set('content-encoding', 'br')
  } else if (gzip && /\bgzip\b/.test(accepted)) {
    body = gzip
    headers.set('content-encoding', 'gzip')
  }
  headers.set('content-length', String(body.byteLength))
  return new Response(request.method === 'HEAD' ? null : body, { headers })
}

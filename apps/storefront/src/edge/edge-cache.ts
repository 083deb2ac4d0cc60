import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/**
 * Plays the CDN in front of the pages when there is none: keeps the compressed answer of public pages in memory.
 * A hit is one map lookup and one write, with no Request, no Response and no header object built for it.
 */
export interface EdgeCache {
  /** True: the request is answered, or will be. False: not for the cache, pass it on. */
  handle(request: IncomingMessage, response: ServerResponse): boolean
  /** Forgets everything; a page asked for afterwards is rendered anew. */
  clear(): void
  readonly stats: { readonly entries: number; readonly bytes: number; readonly renders: number }
}

export interface EdgeCacheOptions {
  /** Renders a page without cookies or any other header of the shopper; `from` is the request that asked first. */
  render(request: Request, from: IncomingMessage): Promise<Response>
  /** Answers the request without the cache, for pages that turn out to be nobody else's business. */
  bypass(request: IncomingMessage, response: ServerResponse): void
  /** Origin of the rendered requests, as `render` expects it: `http://127.0.0.1:3000`. */
  readonly origin: string
  readonly maxBytes?: number
  /** Milliseconds, monotonic. */
  now?(): number
}

/** A shop of some 5,000 pages at 6 kB each; a bigger one has a CDN. */
const MAX_BYTES = 32 * 1024 * 1024

/** No answer is older than this, whatever its headers allow: it bounds how long a changed price stays visible. */
const AGE_MAX_MS = 2_000

/** Longer addresses are not those of our links, and every distinct one would take a place. */
const URL_LENGTH_MAX = 300

const CACHEABLE_PATH =
  /^(?:\/(?:us|uk))?\/?(?:$|(?:c|p|collections)\/[a-z0-9-]+$|(?:search|about|privacy|shipping-and-returns)$)/
const KNOWN_PARAMETERS = new Set(['cursor', 'q', 'sort', 'v'])

/** Made for one exchange, so they must not be repeated to others. */
const NOT_STORED = new Set(['connection', 'content-encoding', 'content-length', 'date', 'x-request-id'])

/** Memory of an entry beside its bodies: header arrays, key, map slot. A generous estimate. */
const OVERHEAD_BYTES = 2_048

type HeaderList = string[]

interface Entry {
  readonly renderedAtMs: number
  readonly freshMs: number
  readonly staleMs: number
  readonly etag: string
  readonly identity: { readonly headers: HeaderList; readonly body: Buffer }
  readonly gzip: { readonly headers: HeaderList; readonly body: Buffer }
  readonly notModified: HeaderList
  readonly bytes: number
  /** Second-chance eviction: a flag on a hit is cheaper than reordering the map. */
  wasUsed: boolean
}

interface Rendering {
  /** The entry to answer with; undefined when the page can't be shared. */
  readonly entry: Entry | undefined
}

const compress = promisify(gzip)

export function createEdgeCache(options: EdgeCacheOptions): EdgeCache {
  const { origin, maxBytes = MAX_BYTES } = options
  const now = options.now ?? (() => performance.now())
  const entries = new Map<string, Entry>()
  const underway = new Map<string, Promise<Rendering>>()
  let bytes = 0
  let renders = 0

  function handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET') return false
    const key = request.url ?? ''
    const entry = entries.get(key)
    if (!entry) {
      if (!isCacheable(key)) return false
      wait(key, request, response)
      return true
    }
    const ageMs = now() - entry.renderedAtMs
    if (ageMs < entry.freshMs) send(entry, request, response)
    else if (ageMs < entry.staleMs) {
      send(entry, request, response)
      void renderOnce(key, request)
    } else wait(key, request, response)
    return true
  }

  function wait(key: string, request: IncomingMessage, response: ServerResponse): void {
    void renderOnce(key, request).then(({ entry }) => {
      if (response.destroyed) return
      if (entry) send(entry, request, response)
      else options.bypass(request, response)
    })
  }

  /** Everybody who asks for a page while it is being rendered waits for that one rendering. Never rejects. */
  function renderOnce(key: string, from: IncomingMessage): Promise<Rendering> {
    const running = underway.get(key)
    if (running) return running
    const rendering = render(key, from)
      .catch((): Rendering => ({ entry: undefined }))
      .finally(() => underway.delete(key))
    underway.set(key, rendering)
    return rendering
  }

  async function render(key: string, from: IncomingMessage): Promise<Rendering> {
    renders += 1
    // Before the rendering, not after: the page may show what was true at its very start.
    const renderedAtMs = now()
    const headers = new Headers({ accept: 'text/html' })
    // Rate limits count by the shopper's address, which only this header knows behind a proxy. No page shows it.
    const forwarded = from.headers['x-forwarded-for']
    if (typeof forwarded === 'string') headers.set('x-forwarded-for', forwarded)
    const request = new Request(origin + key, { headers })
    const response = await options.render(request, from)
    const life = lifeOf(response)
    if (!life) {
      forget(key)
      await response.body?.cancel()
      return { entry: undefined }
    }
    const entry = await makeEntry(response, { ...life, renderedAtMs })
    keep(key, entry)
    return { entry }
  }

  function keep(key: string, entry: Entry): void {
    forget(key)
    if (entry.bytes > maxBytes) return
    entries.set(key, entry)
    bytes += entry.bytes
    for (const [oldKey, old] of entries) {
      if (bytes <= maxBytes) break
      if (old.wasUsed) {
        old.wasUsed = false
        entries.delete(oldKey)
        entries.set(oldKey, old)
      } else forget(oldKey)
    }
  }

  function forget(key: string): void {
    const entry = entries.get(key)
    if (!entry) return
    entries.delete(key)
    bytes -= entry.bytes
  }

  return {
    handle,
    clear() {
      entries.clear()
      bytes = 0
    },
    get stats() {
      return { entries: entries.size, bytes, renders }
    },
  }
}

function isCacheable(url: string): boolean {
  if (url.length > URL_LENGTH_MAX) return false
  const mark = url.indexOf('?')
  if (mark === -1) return CACHEABLE_PATH.test(url)
  if (!CACHEABLE_PATH.test(url.slice(0, mark))) return false
  for (const name of new URLSearchParams(url.slice(mark)).keys())
    if (!KNOWN_PARAMETERS.has(name)) return false
  return true
}

/** How long an answer may be shared, in milliseconds; undefined when it may not. */
function lifeOf(response: Response): { freshMs: number; staleMs: number } | undefined {
  if (response.status !== 200 || response.headers.has('set-cookie')) return undefined
  if (!response.headers.get('content-type')?.startsWith('text/html')) return undefined
  const control = response.headers.get('cache-control') ?? ''
  if (!/\bpublic\b/.test(control) || /\b(?:no-store|private|no-cache)\b/.test(control)) return undefined
  const seconds = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(control)?.[1] ?? 0)
  const freshMs = Math.min(seconds('s-maxage') * 1000, AGE_MAX_MS)
  if (freshMs === 0) return undefined
  return { freshMs, staleMs: Math.min(freshMs + seconds('stale-while-revalidate') * 1000, AGE_MAX_MS) }
}

async function makeEntry(
  response: Response,
  life: { freshMs: number; staleMs: number; renderedAtMs: number },
): Promise<Entry> {
  const identity = Buffer.from(await response.arrayBuffer())
  const compressed = await compress(identity, { level: 6 })
  const etag = `W/"${createHash('sha256').update(identity).digest('base64url').slice(0, 20)}"`
  const shared: HeaderList = []
  for (const [name, value] of response.headers)
    if (!NOT_STORED.has(name) && name !== 'vary') shared.push(name, value)
  shared.push('vary', 'accept-encoding', 'etag', etag)
  return {
    ...life,
    etag,
    identity: { body: identity, headers: [...shared, 'content-length', String(identity.length)] },
    gzip: {
      body: compressed,
      headers: [...shared, 'content-encoding', 'gzip', 'content-length', String(compressed.length)],
    },
    notModified: shared.filter((_, index) => shared[index - (index % 2)] !== 'content-type'),
    bytes: identity.length + compressed.length + OVERHEAD_BYTES,
    wasUsed: false,
  }
}

function send(entry: Entry, request: IncomingMessage, response: ServerResponse): void {
  entry.wasUsed = true
  if (request.headers['if-none-match'] === entry.etag) {
    response.writeHead(304, entry.notModified).end()
    return
  }
  const accepted = request.headers['accept-encoding']
  const form = typeof accepted === 'string' && accepts(accepted) ? entry.gzip : entry.identity
  response.writeHead(200, form.headers).end(form.body)
}

/** `gzip;q=0` is the one way to refuse it by name. */
function accepts(accepted: string): boolean {
  return accepted.includes('gzip') && !accepted.includes('gzip;q=0')
}

import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { mediaDirectory } from '@storewright/demo'
import type { Context, Handler } from 'hono'

const TYPES: Record<string, string> = { '.avif': 'image/avif', '.jpg': 'image/jpeg' }

/** A picture keeps its name when it is replaced: a day in caches, and asked again by its tag after that. */
const CACHE_CONTROL = 'public, max-age=86400'

/** The demo catalogue's pictures: one flat folder, two formats. */
export function createMedia(): Handler {
  const directory = fileURLToPath(mediaDirectory)
  return async (c: Context) => {
    const file = c.req.param('file') ?? ''
    const type = TYPES[extname(file)]
    if (!type || !/^[a-z0-9-]+\.[a-z]+$/.test(file)) return c.notFound()
    const path = `${directory}/${file}`
    const found = await stat(path).catch(() => undefined)
    if (!found?.isFile()) return c.notFound()
    const etag = `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`
    const headers = {
      'content-type': type,
      'cache-control': CACHE_CONTROL,
      etag,
      'x-content-type-options': 'nosniff',
    }
    if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers })
    const body = Readable.toWeb(createReadStream(path)) as ReadableStream
    return new Response(body, { headers: { ...headers, 'content-length': String(found.size) } })
  }
}

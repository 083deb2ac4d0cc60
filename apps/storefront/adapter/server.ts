import { createApp } from 'astro/app/entrypoint'
import type { StorefrontLocals } from '../src/locals.ts'
import { loadAssets } from './assets.ts'

// Whole pages, not streams: an error below the head still becomes a proper 500, and the edge cache needs the bytes anyway.
const app = createApp({ streaming: false })

/** Static files of this build, held in memory: a few dozen small files. */
export const serveAsset = loadAssets(new URL('../client/', import.meta.url))

/** Renders one page. Never throws: a fault becomes the 500 page. */
export async function handle(request: Request, locals: StorefrontLocals): Promise<Response> {
  return app.render(withPublicScheme(request, locals.shop.publicUrl), { locals, addCookieHeader: true })
}

/**
 * Behind a proxy that ends TLS the request reaches us as http:// while the browser's Origin says https://,
 * and Astro's origin check compares the two. Only the scheme is taken over, and only for our own host.
 */
function withPublicScheme(request: Request, publicUrl: string): Request {
  const shop = new URL(publicUrl)
  const url = new URL(request.url)
  if (url.host !== shop.host || url.protocol === shop.protocol) return request
  url.protocol = shop.protocol
  return new Request(url, request)
}

import type { EdgeBindings, Gateway } from '@storewright/gateway/gateway'
import { securityHeaders } from '@storewright/gateway/security-headers'
import type { Logger } from '@storewright/rpc/log'
import { Hono } from 'hono'
import type { PlatformConfig } from './config.ts'
import { createMedia } from './media.ts'
import type { RunningServices } from './services.ts'

/** One port for everything that a browser asks for: health, media, assets, API, pages. */
export async function createWeb(parts: {
  config: PlatformConfig
  services: RunningServices
  gateway: Gateway
  log: Logger
}): Promise<Hono<{ Bindings: EdgeBindings }>> {
  const { config, services, gateway, log } = parts
  const { handle, serveAsset } = await import('@storewright/storefront/handler')
  const pageHeaders = Object.entries(securityHeaders({ https: config.publicUrl.startsWith('https:') }))
  const shop = {
    name: config.shopName,
    publicUrl: config.publicUrl,
    sandboxBanner: config.production && !config.smtpUrl,
  }
  const app = new Hono<{ Bindings: EdgeBindings }>()

  app.get('/healthz', c => c.json({ status: 'ok' }))
  app.get('/readyz', async c => {
    try {
      await services.ready()
      return c.json({ status: 'ready' })
    } catch (error) {
      log.warn({ err: error }, 'not ready')
      return c.json({ status: 'not ready', reason: error instanceof Error ? error.message : 'unknown' }, 503)
    }
  })
  app.get('/media/:file', createMedia())
  app.route('/', gateway.app)
  app.all('*', async c => {
    const request = c.req.raw
    const asset = serveAsset(request)
    if (asset) return asset
    const session = gateway.openSession(request, {
      remoteAddress: c.env?.incoming?.socket?.remoteAddress ?? 'unknown',
    })
    const page = await handle(request, { shop, api: session.api })
    const headers = new Headers(page.headers)
    for (const [name, value] of pageHeaders) headers.set(name, value)
    headers.set('x-request-id', session.traceId)
    for (const [name, value] of session.responseHeaders()) headers.append(name, value)
    return new Response(page.body, { status: page.status, headers })
  })
  app.onError((error, c) => {
    log.error({ err: error, path: c.req.path }, 'page failed')
    return c.text('Something went wrong on our side.', 500)
  })
  return app
}

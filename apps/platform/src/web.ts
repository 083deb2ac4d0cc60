import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EdgeBindings, Gateway } from '@storewright/gateway/gateway'
import { securityHeaders } from '@storewright/gateway/security-headers'
import type { Logger } from '@storewright/rpc/log'
import { requestListener } from '@storewright/rpc/serve'
import { createEdgeCache } from '@storewright/storefront/edge-cache'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import type { PlatformConfig } from './config.ts'
import { createMedia } from './media.ts'
import type { RunningServices } from './services.ts'

/** Where Stripe's payment pages are, unless the merchant has a domain of his own for them. */
const STRIPE_CHECKOUT_ORIGIN = 'https://checkout.stripe.com'

/** The longest form is the checkout; all its fields filled to the brim, percent-encoded, are some 20 kB. */
const FORM_MAX_BYTES = 64 * 1024

/**
 * One port for everything that a browser asks for: health, media, assets, API, pages. Public pages are answered from
 * the edge cache where they can be; everything else goes through the application.
 */
export async function createWeb(parts: {
  config: PlatformConfig
  services: RunningServices
  gateway: Gateway
  log: Logger
  /** The sandbox that plays Stripe, if one does. */
  stripeUrl: string | undefined
}): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  const { config, services, gateway, log, stripeUrl } = parts
  const { handle, serveAsset } = await import('@storewright/storefront/handler')
  const https = config.publicUrl.startsWith('https:')
  const paymentOrigin = stripeUrl ?? config.env.STRIPE_CHECKOUT_ORIGIN ?? STRIPE_CHECKOUT_ORIGIN
  const pageHeaders = Object.entries(securityHeaders({ https, paymentOrigin }))
  const shop = {
    name: config.shopName,
    publicUrl: config.publicUrl,
    sandboxBanner: config.production && (!config.smtpUrl || stripeUrl !== undefined),
  }

  async function renderPage(request: Request, remoteAddress: string | undefined): Promise<Response> {
    const session = gateway.openSession(request, { remoteAddress: remoteAddress ?? 'unknown' })
    const page = await handle(request, {
      shop,
      api: session.api,
      reportFault: error =>
        log.error(
          { err: error, traceId: session.traceId, path: new URL(request.url).pathname },
          'page failed',
        ),
    })
    const headers = new Headers(page.headers)
    // A page may be stricter: order pages carry a token in their address and send no referrer at all.
    for (const [name, value] of pageHeaders) if (!headers.has(name)) headers.set(name, value)
    headers.set('x-request-id', session.traceId)
    for (const [name, value] of session.responseHeaders()) headers.append(name, value)
    return new Response(page.body, { status: page.status, headers })
  }

  const app = new Hono<{ Bindings: EdgeBindings }>()
  addHealth(app, services, log)
  app.get('/media/:file', createMedia())
  app.route('/', gateway.app)
  app.use(bodyLimit({ maxSize: FORM_MAX_BYTES, onError: c => c.text('This form is too large.', 413) }))
  // Public pages come compressed from the edge cache; these are the personal ones.
  app.use(compress())
  app.all('*', c => serveAsset(c.req.raw) ?? renderPage(c.req.raw, c.env?.incoming?.socket?.remoteAddress))
  app.onError((error, c) => {
    log.error({ err: error, path: c.req.path }, 'page failed')
    return c.text('Something went wrong on our side.', 500)
  })

  const answer = requestListener(app)
  const edge = createEdgeCache({
    origin: config.publicUrl,
    render: (request, from) => renderPage(request, from.socket.remoteAddress),
    bypass: answer,
  })
  return (request, response) => {
    if (!edge.handle(request, response)) answer(request, response)
  }
}

function addHealth(app: Hono<{ Bindings: EdgeBindings }>, services: RunningServices, log: Logger): void {
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
}

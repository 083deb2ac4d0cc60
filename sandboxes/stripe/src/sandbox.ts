import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { addEndpoint } from './account-api.ts'
import { type Api, type ApiAnswer, createApi } from './api.ts'
import { addControls } from './controls.ts'
import { overviewPage } from './overview-page.ts'
import { addPaymentPages } from './payment-routes.ts'
import { runDueTasks } from './tasks.ts'
import type { EndpointSecrets, WebhookEndpoint } from './webhook-queue.ts'
import { RETRIES, type Retries, WebhookSender } from './webhooks.ts'
import { type Timing, World } from './world.ts'

/** What callers get that send none, and what events look like: the version that Stripe's description describes. */
export const API_VERSION = '2026-08-26.dahlia'

export interface StripeSandboxOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly dir: string
  readonly secretKey: string
  readonly webhookUrl?: string | undefined
  readonly webhookSecret?: string | undefined
  /** Where browsers reach it, when that is not `http://127.0.0.1:<port>`. */
  readonly publicUrl?: string | undefined
  readonly timing?: Partial<Timing>
  readonly retries?: Partial<Retries>
}

export interface StripeSandbox {
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

/** Short enough to watch, long enough for the shop to see the state before. */
const TIMING: Timing = { aftermathMs: 1000, settlementMs: 200 }
const TICK_MS = 200
const CLEANUP_MS = 10 * 60_000
/** The endpoint of `webhookUrl`; others are made through the API. */
const ENDPOINT_ID = 'we_sandbox'
/** A caller that gives up closes the connection long before. */
const HANG_MS = 10 * 60_000
const CSS = readFileSync(new URL('pages.css', import.meta.url), 'utf8')

export async function startStripeSandbox(options: StripeSandboxOptions): Promise<StripeSandbox> {
  // Whoever mixes up two settings must hear of it here, not see orders paid by nobody.
  if (!/^(sk|rk)_test_\w+$/.test(options.secretKey))
    throw new Error('The Stripe sandbox takes test keys only: sk_test_…')
  const world = new World(options.dir, { ...TIMING, ...options.timing }, API_VERSION)
  const sender = new WebhookSender(world, { ...RETRIES, ...options.retries })
  const api = createApi(world, options.secretKey)
  world.db.transaction(() => configureEndpoint(world, options))
  const tick = () => {
    if (world.closed) return
    runDueTasks(world)
    sender.wake()
  }
  const server = createAdaptorServer({ fetch: createApp(world, api, tick).fetch }) as Server
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  world.baseUrl = options.publicUrl?.replace(/\/$/, '') ?? url
  tick()
  const ticking = setInterval(tick, TICK_MS)
  const cleaning = setInterval(() => {
    api.forgetOld()
    world.forgetOldEvents()
  }, CLEANUP_MS)

  return {
    port,
    url,
    async stop() {
      clearInterval(ticking)
      clearInterval(cleaning)
      server.close()
      server.closeAllConnections()
      await sender.stop()
      world.close()
    },
  }
}

function createApp(world: World, api: Api, tick: () => void): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    const refusal = refusalOf(context, world.baseUrl)
    if (refusal) return refusal
    runDueTasks(world)
    await next()
    tick()
  })
  app.all('/v1/*', async context => respond(context, await api.answer(context)))
  app.use(pageHeaders)
  app.get('/', context => context.html(overviewPage(world)))
  app.get('/pages.css', context => context.body(CSS, 200, { 'content-type': 'text/css; charset=utf-8' }))
  addPaymentPages(app, world)
  addControls(app, world, tick)
  app.onError((error, context) => {
    console.error(error)
    const type = 'api_error'
    return context.json({ error: { message: `The Stripe sandbox failed: ${error.message}`, type } }, 500)
  })
  return app
}

/** A page elsewhere must neither pay nor read through a name that resolves to 127.0.0.1. */
function refusalOf(context: Context, baseUrl: string): Response | undefined {
  const { hostname } = new URL(context.req.url)
  const own = ['127.0.0.1', 'localhost', '[::1]', new URL(baseUrl).hostname]
  if (!own.includes(hostname)) return context.text('Unknown host', 421)
  const site = context.req.header('sec-fetch-site')
  const reads = context.req.method === 'GET' || context.req.method === 'HEAD'
  if (!reads && site !== undefined && site !== 'same-origin' && site !== 'none')
    return context.text('Cross-site requests are refused', 403)
  return undefined
}

async function pageHeaders(context: Context, next: () => Promise<void>): Promise<void> {
  await next()
  const targets = (context as Context<{ Variables: { formTargets?: string } }>).get('formTargets') ?? ''
  context.header(
    'content-security-policy',
    `default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${targets}`.trim(),
  )
  context.header('x-content-type-options', 'nosniff')
  context.header('referrer-policy', 'no-referrer')
  context.header('cache-control', 'no-store')
}

async function respond(context: Context, answer: ApiAnswer): Promise<Response> {
  if (answer.kind === 'reply')
    return new Response(answer.body, {
      status: answer.status,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...answer.headers },
    })
  const { incoming } = context.env as { incoming: IncomingMessage }
  if (answer.kind === 'hang') await closed(incoming)
  incoming.socket.destroy()
  return new Response(null, { status: 500 })
}

function closed(incoming: IncomingMessage): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, HANG_MS)
    timer.unref()
    incoming.socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function configureEndpoint(world: World, options: StripeSandboxOptions): void {
  const { webhookUrl: url, webhookSecret: secret } = options
  const present = world.objects.find<WebhookEndpoint, EndpointSecrets>(ENDPOINT_ID)
  if (url === undefined) {
    world.objects.remove(ENDPOINT_ID)
    return
  }
  if (secret === undefined) throw new Error('A webhook URL needs its secret: whsec_…')
  // Same secret as at the last start: a rotation that is under way goes on.
  if (present?.body.url === url && [present.hidden.secret, present.hidden.previous?.secret].includes(secret))
    return
  world.objects.remove(ENDPOINT_ID)
  addEndpoint(world, ENDPOINT_ID, { url, secret, enabledEvents: ['*'], description: 'From the command line' })
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}

import type { Logger } from '@storewright/rpc/log'
import { serviceApp } from '@storewright/rpc/serve'
import { Hono } from 'hono'
import type { RunningServices } from './services.ts'

/** Where services of this process answer those of other processes: `/<service>/rpc/…`, with a signed token only. */
export function internalApp(services: RunningServices, log: Logger): Hono {
  const app = new Hono()
  for (const [name, service] of services.local) {
    const served = serviceApp(name, service, services.keys, log)
    app.all(`/${name}/*`, c => {
      const url = new URL(c.req.url)
      url.pathname = url.pathname.slice(name.length + 1)
      return served.fetch(new Request(url, c.req.raw))
    })
  }
  return app
}

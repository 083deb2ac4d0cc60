import { createGateway } from '@storewright/gateway/gateway'
import { systemClock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import { forward, systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { listen, requestListener } from '@storewright/rpc/serve'
import type { PlatformConfig } from './config.ts'
import { openDatabases } from './databases.ts'
import { internalApp } from './internal.ts'
import { startSandboxes } from './sandboxes.ts'
import { loadSecrets } from './secrets.ts'
import { seedDemo } from './seed.ts'
import { localNames, startServices } from './services.ts'
import { createWeb } from './web.ts'

const ADMIN_LINK_MINUTES = 60

export interface Platform {
  readonly url: string
  readonly inboxUrl: string | undefined
  /** The payment sandbox's own pages. */
  readonly stripeUrl: string | undefined
  readonly adminLink: string
  stop(): Promise<void>
}

/**
 * Database → services → demo data → HTTP, and back in reverse. What has started is stopped when a later part cannot
 * start: no orphan is left behind.
 */
export async function startPlatform(
  config: PlatformConfig,
  log: Logger,
  onDatabaseLost: () => void,
): Promise<Platform> {
  const undo: (() => Promise<void>)[] = []
  const stop = async () => {
    const faults: unknown[] = []
    // A part that cannot stop must not keep those below it, such as the database, running.
    for (const step of undo.splice(0).reverse()) await step().catch(error => faults.push(error))
    if (faults.length > 0) throw new AggregateError(faults, 'not every part could be stopped')
  }
  try {
    const names = localNames(config.env)
    const secrets = loadSecrets(config.dataDir, config.env)
    const [databases, sandboxes] = await Promise.all([
      openDatabases(names, config, secrets, log, onDatabaseLost).then(opened => {
        undo.push(opened.stop)
        return opened
      }),
      startSandboxes(config, log, undo),
    ])
    const env = {
      ...config.env,
      ...sandboxes.env,
      MAIL_FROM: config.env.MAIL_FROM ?? `"${config.shopName}" <orders@shop.example>`,
    }
    const services = await startServices({
      names,
      urls: databases.urls,
      env,
      secrets,
      log,
      clock: systemClock,
      publicUrl: config.publicUrl,
    })
    undo.push(services.stop)
    if (config.internalPort !== undefined) {
      const internal = await listen(requestListener(internalApp(services, log)), {
        port: config.internalPort,
        host: config.host,
      })
      undo.push(internal.close)
    }
    if (config.seedDemo) await seedDemo(services.clients, log)

    const gateway = createGateway({
      clients: services.clients,
      signer: purpose => createSigner(secrets.signing[0], purpose),
      log,
      config: env,
      publicUrl: config.publicUrl,
      trustedProxies: config.trustedProxies,
    })
    const listener = await createWeb({ config, services, gateway, log, stripeUrl: sandboxes.stripeUrl })
    const listening = await listenPublicly(listener, config)
    undo.push(listening.close)
    const { token } = await services.clients.auth.createAdminLink(
      { validMinutes: ADMIN_LINK_MINUTES },
      forward(systemContext('platform'), 'platform'),
    )
    return {
      url: config.publicUrl,
      inboxUrl: sandboxes.inboxUrl,
      stripeUrl: sandboxes.stripeUrl,
      adminLink: `${config.publicUrl}/admin/welcome?token=${token}`,
      stop,
    }
  } catch (error) {
    await stop().catch(cause => log.error({ err: cause }, 'not everything that had started was stopped'))
    throw error
  }
}

async function listenPublicly(listener: Parameters<typeof listen>[0], { port, host }: PlatformConfig) {
  return listen(listener, { port, host }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EADDRINUSE')
      throw new Error(`port ${port} is in use; choose another, as in PORT=${port + 10}`)
    throw cause
  })
}

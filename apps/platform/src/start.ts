import { createGateway } from '@storewright/gateway/gateway'
import { systemClock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import { forward, systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { listen, requestListener } from '@storewright/rpc/serve'
import type { PlatformConfig } from './config.ts'
import { openDatabases } from './databases.ts'
import { internalApp } from './internal.ts'
import { startMailSandbox } from './mail-sandbox.ts'
import { loadSecrets } from './secrets.ts'
import { seedDemo } from './seed.ts'
import { localNames, startServices } from './services.ts'
import { createWeb } from './web.ts'

const ADMIN_LINK_MINUTES = 60

export interface Platform {
  readonly url: string
  readonly inboxUrl: string | undefined
  readonly adminLink: string
  stop(): Promise<void>
}

/**
 * Database → services → demo data → HTTP, and back in reverse. What has started is stopped when a later part cannot
 * start: no orphan is left behind.
 */
export async function startPlatform(config: PlatformConfig, log: Logger): Promise<Platform> {
  const undo: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const names = localNames(config.env)
    const secrets = loadSecrets(config.dataDir, config.env)
    const [databases, mail] = await Promise.all([
      openDatabases(names, config, secrets, log).then(opened => {
        undo.push(opened.stop)
        return opened
      }),
      config.smtpUrl ? undefined : openMail(config, log, undo),
    ])
    const env = { ...config.env, SMTP_URL: config.smtpUrl ?? mail?.smtpUrl }
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
    const listener = await createWeb({ config, services, gateway, log })
    const listening = await listen(listener, { port: config.port, host: config.host })
    undo.push(listening.close)
    const { token } = await services.clients.auth.createAdminLink(
      { validMinutes: ADMIN_LINK_MINUTES },
      forward(systemContext('platform'), 'platform'),
    )
    return {
      url: config.publicUrl,
      inboxUrl: mail?.inboxUrl,
      adminLink: `${config.publicUrl}/admin/welcome?token=${token}`,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function openMail(config: PlatformConfig, log: Logger, undo: (() => Promise<void>)[]) {
  const httpPort = config.port === 0 ? 0 : config.port + 1
  const mail = await startMailSandbox({ dataDir: config.dataDir, httpPort, log })
  undo.push(mail.stop)
  return mail
}

import { systemClock } from '@storewright/kernel/clock'
import { createLogger } from '@storewright/rpc/log'
import { listen, requestListener, serviceApp } from '@storewright/rpc/serve'
import { readConfig } from './config.ts'
import { openDatabases } from './databases.ts'
import { SERVICES, type ServiceName } from './platform.ts'
import { loadSecrets } from './secrets.ts'
import { startServices } from './services.ts'

/**
 * One service as a process: `node apps/platform/src/run-service.ts inventory`. It listens on `PORT`; the services it
 * needs or whose hearers it feeds are found by `<NAME>_URL`, its data by `<NAME>_DATABASE_URL` or `DATABASE_URL`.
 * All processes of one installation share `STOREWRIGHT_SECRET`.
 */
const name = process.argv[2] as ServiceName
const definition = SERVICES[name]
if (!definition) {
  process.stderr.write(`name one service: ${Object.keys(SERVICES).join(', ')}\n`)
  process.exit(2)
}
const config = readConfig(process.env)
const shared = ['STOREWRIGHT_SECRET', 'PUBLIC_URL'].filter(variable => !process.env[variable])
if (shared.length > 0) {
  process.stderr.write(`${shared.join(' and ')} needed: the processes of one installation share them\n`)
  process.exit(2)
}
const log = createLogger({ level: config.logLevel }).child({ service: name })
const secrets = loadSecrets(config.dataDir, config.env)
const databases = await openDatabases([name], config, secrets, log, () => process.exit(1))
const services = await startServices({
  names: [name],
  urls: databases.urls,
  env: config.env,
  secrets,
  log,
  clock: systemClock,
  publicUrl: config.publicUrl,
})
const service = services.local.get(name)
if (!service) throw new Error(`${name} did not start`)
const listening = await listen(requestListener(serviceApp(name, service, services.keys, log)), {
  port: config.port,
  host: config.host,
})
process.stdout.write(`${JSON.stringify({ service: name, port: listening.port })}\n`)

let stopping = false
const stop = async () => {
  if (stopping) return
  stopping = true
  await listening.close()
  await services.stop()
  await databases.stop()
  process.exit(0)
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

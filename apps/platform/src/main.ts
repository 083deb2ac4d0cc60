import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from './config.ts'
import { prepareDataDir } from './data-dir.ts'
import { openLog } from './open-log.ts'
import { startPlatform } from './start.ts'

/** The banner waits for nothing but the listening socket; the link in it works once. */
const startedAt = performance.now()

const config = orExit(() => {
  const config = readConfig(process.env)
  prepareDataDir(config.dataDir)
  return config
})
const log = openLog(config)
const running = join(config.dataDir, 'running.json')

let stopping: Promise<void> | undefined
const starting = startPlatform(config, log, databaseLost)
process.on('SIGINT', () => stop('SIGINT'))
process.on('SIGTERM', () => stop('SIGTERM'))

try {
  const platform = await starting
  if (!stopping) {
    const { url, inboxUrl, stripeUrl, adminLink } = platform
    writeFileSync(running, JSON.stringify({ pid: process.pid, url, inboxUrl, stripeUrl }))
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stdout.write(banner({ url, inboxUrl, stripeUrl, adminLink, seconds }))
  }
} catch (error) {
  log.fatal({ err: error }, 'the platform could not start')
  process.stderr.write(`\nStorewright could not start: ${describe(error)}\n`)
  process.exit(1)
}

function stop(reason: string, code = 0): void {
  stopping ??= (async () => {
    log.info({ reason }, 'stopping')
    rmSync(running, { force: true })
    const platform = await starting.catch(() => undefined)
    try {
      await platform?.stop()
      log.info('stopped')
    } catch (error) {
      log.error({ err: error }, 'not everything could be stopped')
      process.exit(1)
    }
    process.exit(code)
  })()
}

/** Whoever supervises this process can start it anew; a shop without a database can do nothing but say so. */
function databaseLost(): void {
  process.stderr.write(
    '\nThe database died again and again: stopping. Its log is postgres.log in the data folder.\n',
  )
  stop('database lost', 1)
}

function banner(at: {
  url: string
  inboxUrl: string | undefined
  stripeUrl: string | undefined
  adminLink: string
  seconds: string
}): string {
  const lines = [
    '',
    `  ${config.shopName} is open (${at.seconds} s).`,
    '',
    `  Store          ${at.url}`,
    `  API reference  ${at.url}/api/reference`,
    ...(at.inboxUrl ? [`  Inbox          ${at.inboxUrl}`] : []),
    ...(at.stripeUrl ? [`  Payments       ${at.stripeUrl}`] : []),
    `  Admin          ${at.adminLink}`,
    '                 (works once, for an hour)',
    ...(config.production ? [] : [`  Log            ${join(config.dataDir, 'storewright.log')}`]),
    '',
    '  Ctrl-C stops everything.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Before there is a log. */
function orExit<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    process.stderr.write(`\nStorewright could not start: ${describe(error)}\n`)
    process.exit(1)
  }
}

/** The message and those of its causes: what a person needs to mend it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause ? `${error.message}: ${describe(error.cause)}` : error.message
}

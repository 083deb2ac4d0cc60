import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@storewright/rpc/log'

export interface MailSandboxProcess {
  readonly smtpUrl: string
  readonly inboxUrl: string
  pid(): number
  stop(): Promise<void>
}

const MAIN = fileURLToPath(new URL('../../../sandboxes/mail/src/main.ts', import.meta.url))

/** It is ours to restart: mails wait in the database meanwhile, and go out when it is back on the same port. */
const RESTARTS_MAX = 5
const RESTART_AFTER_MS = 500

/** A process of its own: it ends when our end of its standard input closes, so also when we are killed. */
export async function startMailSandbox(options: {
  dataDir: string
  httpPort: number
  log: Logger
}): Promise<MailSandboxProcess> {
  const { log } = options
  const folder = join(options.dataDir, 'mail')
  let current = await launch({ folder, httpPort: options.httpPort, smtpPort: 0, log })
  const { smtpPort, httpPort } = current
  let stopping = false
  let restarts = 0

  const watch = ({ exited }: Launched) => {
    void exited
      .then(async () => {
        if (stopping) return
        if (restarts === RESTARTS_MAX)
          return log.error('the mail sandbox keeps ending; mails wait until the next start')
        restarts += 1
        log.warn('the mail sandbox ended and is started again')
        await sleep(RESTART_AFTER_MS)
        if (stopping) return
        current = await launch({ folder, httpPort, smtpPort, log })
        watch(current)
      })
      .catch(error =>
        log.error({ err: error }, 'the mail sandbox did not come back; mails wait until the next start'),
      )
  }
  watch(current)
  return {
    smtpUrl: `smtp://127.0.0.1:${smtpPort}`,
    inboxUrl: `http://localhost:${httpPort}`,
    pid: () => current.child.pid ?? 0,
    async stop() {
      stopping = true
      current.child.stdin.end()
      await current.exited
    },
  }
}

interface Launched {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exited: Promise<unknown>
  readonly smtpPort: number
  readonly httpPort: number
}

async function launch(at: {
  folder: string
  httpPort: number
  smtpPort: number
  log: Logger
}): Promise<Launched> {
  const args = ['--http-port', String(at.httpPort), '--smtp-port', String(at.smtpPort), '--dir', at.folder]
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => at.log.warn(`mail sandbox: ${chunk.toString().trim()}`))
  child.stdin.on('error', () => {}) // it ended before we closed it
  const exited = once(child, 'exit')
  const ready = new Promise<{ smtpPort: number; httpPort: number }>((resolve, reject) => {
    createInterface(child.stdout).once('line', line => resolve(JSON.parse(line)))
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`the mail sandbox ended with code ${code} before it was ready`)),
    )
  })
  return { child, exited, ...(await ready) }
}

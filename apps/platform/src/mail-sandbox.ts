import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@storewright/rpc/log'

export interface MailSandboxProcess {
  readonly smtpUrl: string
  readonly inboxUrl: string
  stop(): Promise<void>
}

const MAIN = fileURLToPath(new URL('../../../sandboxes/mail/src/main.ts', import.meta.url))

/** A process of its own: it ends when our end of its standard input closes, so also when we are killed. */
export async function startMailSandbox(options: {
  dataDir: string
  httpPort: number
  log: Logger
}): Promise<MailSandboxProcess> {
  const args = [
    '--http-port',
    String(options.httpPort),
    '--smtp-port',
    '0',
    '--dir',
    join(options.dataDir, 'mail'),
  ]
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => options.log.warn(`mail sandbox: ${chunk.toString().trim()}`))
  const exited = once(child, 'exit')
  const ready = new Promise<{ smtpPort: number; httpPort: number }>((resolve, reject) => {
    createInterface(child.stdout).once('line', line => resolve(JSON.parse(line)))
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`the mail sandbox ended with code ${code} before it was ready`)),
    )
  })
  const { smtpPort, httpPort } = await ready
  child.on('exit', code => {
    if (code) options.log.error(`the mail sandbox ended with code ${code}; mails wait until it is back`)
  })
  return {
    smtpUrl: `smtp://127.0.0.1:${smtpPort}`,
    inboxUrl: `http://localhost:${httpPort}`,
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}

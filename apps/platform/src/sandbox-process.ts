import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@storewright/rpc/log'

/** It is ours to restart: what it plays is asked again meanwhile, and finds it on the same ports. */
const RESTARTS_MAX = 5
const RESTART_AFTER_MS = 500

export interface SandboxProcess<Ports> {
  readonly ports: Ports
  pid(): number
  stop(): Promise<void>
}

export interface SandboxOptions<Ports> {
  /** Folder under sandboxes/. */
  readonly name: string
  /** Its command line; `ports` are those that it had before it ended, undefined at first. */
  args(ports: Ports | undefined): readonly string[]
  readonly log: Logger
}

/**
 * A sandbox as a process of its own: it prints its ports as one JSON line when it is ready, and ends when our end of its
 * standard input closes, so also when we are killed.
 */
export async function startSandbox<Ports extends object>(
  options: SandboxOptions<Ports>,
): Promise<SandboxProcess<Ports>> {
  const { name, log } = options
  let current = await launch<Ports>(options, undefined)
  const { ports } = current
  let stopping = false
  let restarts = 0

  const watch = ({ exited }: Launched<Ports>) => {
    void exited
      .then(async () => {
        if (stopping) return
        if (restarts === RESTARTS_MAX)
          return log.error(`the ${name} sandbox keeps ending; it is started again with the platform`)
        restarts += 1
        log.warn(`the ${name} sandbox ended and is started again`)
        await sleep(RESTART_AFTER_MS)
        if (stopping) return
        current = await launch(options, ports)
        watch(current)
      })
      .catch(error =>
        log.error({ err: error }, `the ${name} sandbox did not come back before the next start`),
      )
  }
  watch(current)
  return {
    ports,
    pid: () => current.child.pid ?? 0,
    async stop() {
      stopping = true
      current.child.stdin.end()
      await current.exited
    },
  }
}

interface Launched<Ports> {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exited: Promise<unknown>
  readonly ports: Ports
}

async function launch<Ports>(
  { name, args, log }: SandboxOptions<Ports>,
  before: Ports | undefined,
): Promise<Launched<Ports>> {
  const main = fileURLToPath(new URL(`../../../sandboxes/${name}/src/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main, ...args(before)], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => log.warn(`${name} sandbox: ${chunk.toString().trim()}`))
  child.stdin.on('error', () => {}) // it ended before we closed it
  const exited = once(child, 'exit')
  const ports = await new Promise<Ports>((resolve, reject) => {
    createInterface(child.stdout).once('line', line => resolve(JSON.parse(line)))
    child.once('error', reject)
    child.once('exit', code =>
      reject(new Error(`the ${name} sandbox ended with code ${code} before it was ready`)),
    )
  })
  return { child, exited, ports }
}

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const HOST = fileURLToPath(new URL('load-host.ts', import.meta.url))

/** The exported async functions of a load module, called in another process. */
export interface LoadProcess<Module> {
  readonly pid: number
  call<Name extends keyof Module & string>(
    name: Name,
    ...args: Module[Name] extends (...args: infer Args) => unknown ? Args : never
  ): Promise<Module[Name] extends (...args: never[]) => Promise<infer Result> ? Result : never>
  stop(): void
}

export type CallMessage = { id: number; name: string; args: unknown[] }
export type ReplyMessage = { id: number; result?: unknown; error?: string }

/** Load in a process of its own: its pauses must not be the shop's, nor be hidden by them. Ends with this process. */
export function startLoad<Module>(module: URL): LoadProcess<Module> {
  const child: ChildProcess = fork(HOST, [module.href], { serialization: 'advanced', execArgv: [] })
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>()
  let calls = 0
  child.on('message', message => {
    const { id, result, error } = message as ReplyMessage
    const caller = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) caller?.resolve(result)
    else caller?.reject(new Error(`the load failed: ${error}`))
  })
  child.on('exit', code => {
    for (const caller of waiting.values())
      caller.reject(new Error(`the load process ended with code ${code}`))
    waiting.clear()
  })
  return {
    pid: child.pid ?? 0,
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++calls
        waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
        child.send({ id, name, args } satisfies CallMessage)
      }),
    stop: () => {
      if (child.connected) child.disconnect()
    },
  }
}

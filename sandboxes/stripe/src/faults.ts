import type { World } from './world.ts'

/** What goes wrong, how often, for which requests. */
export interface Fault {
  // `POST /v1/payment_intents/*/capture`: a star is one step of the path, two at the end are any rest.
  readonly match: string
  /** Before anything is done, or after it is done and before the reply. */
  readonly effect: 'before' | 'after'
  /** `slow` answers as usual, but only after `delayMs`; its idempotency key is in use so long. */
  readonly answer: number | 'timeout' | 'reset' | 'slow'
  readonly delayMs?: number | undefined
  readonly times: number
}

/** Kept in the database: a restart must not heal what a test broke. */
export function faultsOf(world: World): Fault[] {
  return world.db.setting<Fault[]>('faults') ?? []
}

export function setFaults(world: World, faults: readonly Fault[]): void {
  world.db.set('faults', faults)
}

/** The first fault that applies, counted down. */
export function takeFault(world: World, method: string, path: string): Fault | undefined {
  const faults = faultsOf(world)
  const found = faults.find(fault => matches(fault.match, method, path))
  if (!found) return undefined
  const left = faults.flatMap(fault => {
    if (fault !== found) return [fault]
    return fault.times > 1 ? [{ ...fault, times: fault.times - 1 }] : []
  })
  setFaults(world, left)
  return found
}

function matches(pattern: string, method: string, path: string): boolean {
  const [verb, route = ''] = pattern.split(' ')
  if (verb !== '*' && verb !== method) return false
  const wanted = route.split('/')
  const steps = path.split('/')
  if (wanted.at(-1) === '**')
    return wanted.slice(0, -1).every((step, index) => step === '*' || step === steps[index])
  return (
    wanted.length === steps.length && wanted.every((step, index) => step === '*' || step === steps[index])
  )
}

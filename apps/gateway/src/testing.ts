import { type AnyContractProcedure, type AnyContractRouter, isContractProcedure } from '@orpc/contract'
import { createRouterClient, type Router } from '@orpc/server'
import type { Clock } from '@storewright/kernel/clock'
import { createSigner } from '@storewright/kernel/signed'
import type { CallContext } from '@storewright/rpc/context'
import { implement } from '@storewright/rpc/implement'
import { createLogger } from '@storewright/rpc/log'
import type { EdgeLimits } from './exchange.ts'
import { createGateway, type Gateway } from './gateway.ts'
import { openapiExamples } from './openapi-examples.ts'
import { type ServiceClients, serviceContracts } from './service-contracts.ts'

export const TEST_SECRET = 'secret of a test'
export const TEST_API_KEY = `sk_${'k'.repeat(43)}`
const TEST_STAFF_ID = 'stf_01kaw3v5e8f6t9r2m4x7c0d1zq'

type Handler = (options: { input: never; context: CallContext }) => unknown

/**
 * Services that check as the real ones do (contract validation, access) and answer with the documented examples,
 * unless a handler is given by operation id. For tests of what stands in front of services.
 */
export function exampleServices(handlers: Readonly<Record<string, Handler>> = {}): ServiceClients {
  const known: Record<string, Handler> = {
    'auth.authenticateApiKey': ({ input }) =>
      (input as { apiKey: string }).apiKey === TEST_API_KEY
        ? { staffId: TEST_STAFF_ID, permissions: ['*'] }
        : null,
    ...handlers,
  }
  const clients = Object.entries(serviceContracts).map(([service, contract]) => {
    const router: Record<string, unknown> = {}
    for (const [name, procedure] of Object.entries(contract)) {
      if (!isContractProcedure(procedure)) throw new Error(`${service}.${name} is not an operation`)
      const id = `${service}.${name}`
      const handler = known[id] ?? (() => openapiExamples[id]?.output)
      router[name] = implement(procedure as AnyContractProcedure).handler(handler as never)
    }
    const client = createRouterClient(router as Router<AnyContractRouter, CallContext>, {
      context: (context: CallContext) => context,
    })
    return [service, client]
  })
  return Object.fromEntries(clients)
}

/** High enough that only tests of limits meet them. */
const GENEROUS = { READ: '1000000/s', WRITE: '1000000/s', CHECKOUT: '1000000/s', CREDENTIAL: '1000000/s' }

export function testGateway(
  options: {
    handlers?: Readonly<Record<string, Handler>>
    clients?: ServiceClients
    publicUrl?: string
    config?: Readonly<Record<string, string>>
    trustedProxies?: readonly string[]
    limits?: Partial<EdgeLimits>
    clock?: Clock
    /** Each line of the log. */
    log?: (line: string) => void
  } = {},
): Gateway {
  const generous = Object.entries(GENEROUS).map(([name, rate]) => [`RATE_LIMIT_${name}`, rate])
  const { log } = options
  return createGateway({
    clients: options.clients ?? exampleServices(options.handlers),
    signer: purpose => createSigner(TEST_SECRET, purpose),
    log: log
      ? createLogger({ level: 'info', destination: { write: log } })
      : createLogger({ level: 'silent' }),
    config: { ...Object.fromEntries(generous), ...options.config },
    publicUrl: options.publicUrl ?? 'http://localhost:3000',
    trustedProxies: options.trustedProxies ?? [],
    ...(options.limits ? { limits: options.limits } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
  })
}

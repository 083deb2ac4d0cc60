import type { AnyContractRouter } from '@orpc/contract'
import { ORPCError, implement as orpcImplement } from '@orpc/server'
import type { CallContext } from './context.ts'
import type { OperationMeta } from './contract.ts'

/**
 * Where every service's router starts: typed by its contract, with the contract's access rule applied to each
 * operation. The gateway checks too; a service does not rely on it.
 */
export function implement<Contract extends AnyContractRouter>(contract: Contract) {
  const implementer = orpcImplement(contract).$context<CallContext>()
  // `use` has no callable type while the contract is still generic; at run time it is the same for all contracts.
  const guarded = (implementer as unknown as { use(middleware: typeof guard): typeof implementer }).use(guard)
  return guarded
}

function guard(options: {
  context: CallContext
  procedure: { '~orpc': { meta: object } }
  next: () => unknown
}): unknown {
  if (!allows(options.procedure['~orpc'].meta as OperationMeta, options.context))
    throw new ORPCError('forbidden', { status: 403, message: 'This operation is not open to this caller.' })
  return options.next()
}

export function allows(meta: OperationMeta, context: CallContext): boolean {
  const { actor } = context
  switch (meta.access) {
    case 'public':
      return true
    case 'staff':
      return actor.kind === 'staff' || actor.kind === 'system'
    case 'internal':
      return context.caller !== 'gateway'
  }
}

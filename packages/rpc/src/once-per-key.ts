import { ORPCError } from '@orpc/server'
import { principalOf } from '@storewright/kernel/actor'
import { hashBody, IdempotencyKeyReused, once } from '@storewright/postgres/idempotency'
import type { Sql } from '@storewright/postgres/sql'
import type { CallContext } from './context.ts'
import { refusals } from './contract.ts'

/**
 * Runs a command's `work` once per (actor, operation, Idempotency-Key) and keeps its reply in the same transaction:
 * `sql` must be one. The same command again answers the first reply; another input under the same key is refused as
 * `idempotency-key-reused`, which the operation must declare. Without a key the work simply runs.
 */
export async function oncePerKey<Reply>(
  sql: Sql,
  context: CallContext,
  command: { operation: string; input: unknown },
  work: () => Promise<Reply>,
): Promise<Reply> {
  const { idempotencyKey: key } = context
  if (key === undefined) return work()
  const { operation, input } = command
  const scope = { principal: principalOf(context.actor), operation, key, bodyHash: hashBody(input) }
  try {
    return (await once(sql, scope, work)).reply
  } catch (error) {
    if (!(error instanceof IdempotencyKeyReused)) throw error
    const { status, message } = refusals.idempotency['idempotency-key-reused']
    throw new ORPCError('idempotency-key-reused', { status, message, cause: error })
  }
}

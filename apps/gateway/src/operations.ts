import { type AnyContractProcedure, isContractProcedure } from '@orpc/contract'
import type { OperationMeta } from '@storewright/rpc/contract'
import { storeContract } from './store-contract.ts'

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** One public operation: what the gateway must know to let it through. */
export interface Operation {
  /** `product.getProduct`; also the operationId of the OpenAPI document. */
  readonly id: string
  readonly service: string
  readonly name: string
  readonly method: HttpMethod
  /** Below /api, parameters in braces. */
  readonly path: string
  readonly meta: OperationMeta
  readonly rateClass: NonNullable<OperationMeta['rateClass']>
  readonly isWrite: boolean
  readonly takesLargeBody: boolean
  readonly successStatus: number
  readonly contract: AnyContractProcedure
}

/** Staff imports of whole catalogs or delivery notes; all others fit the ordinary limit. */
const LARGE_BODIES = new Set(['product.importProducts', 'inventory.receiveStock'])

/** Every operation of the store contract, in its order. */
export const operations: readonly Operation[] = Object.entries(storeContract).flatMap(([service, contract]) =>
  Object.entries(contract).map(([name, procedure]) => operationOf(service, name, procedure)),
)

function operationOf(service: string, name: string, procedure: unknown): Operation {
  const id = `${service}.${name}`
  if (!isContractProcedure(procedure)) throw new Error(`${id} is not an operation`)
  const { route, meta } = procedure['~orpc']
  if (!route.path || !route.method) throw new Error(`${id} passes the gateway but has no method and path`)
  const operationMeta = meta as OperationMeta
  if (operationMeta.access === 'internal') throw new Error(`${id} is internal and must not pass the gateway`)
  const isWrite = route.method !== 'GET'
  return {
    id,
    service,
    name,
    method: route.method as HttpMethod,
    path: route.path,
    meta: operationMeta,
    rateClass: operationMeta.rateClass ?? (isWrite ? 'write' : 'read'),
    isWrite,
    takesLargeBody: LARGE_BODIES.has(id),
    successStatus: route.successStatus ?? 200,
    contract: procedure,
  }
}

import { randomUUID } from 'node:crypto'
import type {
  AnyContractProcedure,
  InferContractRouterInputs,
  InferContractRouterOutputs,
} from '@orpc/contract'
import type { Problem } from '@storewright/kernel/problem'

export interface Connection {
  /** The store's public URL, without /api. */
  readonly url: string
  readonly apiKey?: string | undefined
}

/** The store said no; it has said why. */
export class ApiProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.name = 'ApiProblem'
    this.problem = problem
  }
}

/** Something the person at the terminal can put right. */
export class UsageError extends Error {}

/** Imports of stock may take long; a terminal waits longer than a browser. */
const TIMEOUT_MS = 30_000

/** Calls an operation over HTTP: method and path are the contract's, so neither can drift. */
export async function callOperation<Contract extends AnyContractProcedure>(
  connection: Connection,
  contract: Contract,
  input: InferContractRouterInputs<Contract>,
): Promise<InferContractRouterOutputs<Contract>> {
  const { method = 'GET', path = '' } = contract['~orpc'].route
  const rest = Object.entries({ ...(input as object | undefined) }).filter(([, value]) => value !== undefined)
  const fields = new Map<string, unknown>(rest)
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(fields.get(name))
    fields.delete(name)
    return encodeURIComponent(value)
  })
  const target = new URL(`${connection.url}/api${filled}`)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (connection.apiKey) headers.authorization = `Bearer ${connection.apiKey}`
  const init: RequestInit = { method, headers, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) }
  if (method === 'GET') for (const [name, value] of fields) target.searchParams.set(name, String(value))
  else {
    headers['content-type'] = 'application/json'
    headers['idempotency-key'] = randomUUID()
    init.body = JSON.stringify(Object.fromEntries(fields))
  }
  return (await answerOf(target, init)) as InferContractRouterOutputs<Contract>
}

async function answerOf(target: URL, init: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(target, init)
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? ` (${cause.cause.message})` : ''
    throw new UsageError(`${target.origin} cannot be reached${reason}. Is the store running there?`, {
      cause,
    })
  }
  const type = response.headers.get('content-type') ?? ''
  if (!/^application\/(problem\+)?json/.test(type))
    throw new UsageError(
      `${target.origin} answered ${response.status} without JSON. Is it a Storewright store?`,
    )
  const answer: unknown = await response.json()
  if (!response.ok) throw new ApiProblem(answer as Problem)
  return answer
}

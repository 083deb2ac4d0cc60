import { invalidField } from './edge-refusals.ts'
import type { HttpMethod, Operation } from './operations.ts'

interface Node {
  readonly fixed: Map<string, Node>
  parameter?: Node
  readonly methods: Map<HttpMethod, { operation: Operation; names: readonly string[] }>
}

export type Match =
  | { readonly operation: Operation; readonly params: Readonly<Record<string, string>> }
  /** The address exists, the method does not. */
  | { readonly allowed: readonly HttpMethod[] }

/**
 * Finds operations by method and raw path. Segments are split before they are decoded, so an encoded slash never
 * moves a boundary, and each is decoded exactly once.
 */
export function createRouteTable(
  operations: readonly Operation[],
): (method: string, path: string) => Match | undefined {
  const root = node()
  for (const operation of operations) insert(root, operation)
  return (method, path) => {
    const values: string[] = []
    const end = descend(root, path.split('/').slice(1), 0, values)
    if (!end || end.methods.size === 0) return undefined
    const found = end.methods.get(method === 'HEAD' ? 'GET' : (method as HttpMethod))
    if (!found) return { allowed: [...end.methods.keys()] }
    const params: Record<string, string> = {}
    found.names.forEach((name, index) => {
      params[name] = decode(name, values[index] ?? '')
    })
    return { operation: found.operation, params }
  }
}

function insert(root: Node, operation: Operation): void {
  let at = root
  const names: string[] = []
  for (const segment of operation.path.split('/').slice(1)) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1]
    if (name) {
      names.push(name)
      at.parameter ??= node()
      at = at.parameter
    } else {
      const next = at.fixed.get(segment) ?? node()
      at.fixed.set(segment, next)
      at = next
    }
  }
  const taken = at.methods.get(operation.method)
  if (taken) throw new Error(`${operation.id} and ${taken.operation.id} have the same method and path`)
  at.methods.set(operation.method, { operation, names })
}

/** A fixed segment wins over a parameter. */
function descend(at: Node, segments: readonly string[], depth: number, values: string[]): Node | undefined {
  if (depth === segments.length) return at
  const segment = segments[depth] ?? ''
  const fixed = at.fixed.get(segment)
  const found = fixed && descend(fixed, segments, depth + 1, values)
  if (found) return found
  if (!at.parameter || segment === '') return undefined
  values.push(segment)
  const below = descend(at.parameter, segments, depth + 1, values)
  if (!below) values.pop()
  return below
}

function decode(name: string, text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalidField(name, 'is not valid percent-encoded UTF-8')
  }
}

function node(): Node {
  return { fixed: new Map(), methods: new Map() }
}

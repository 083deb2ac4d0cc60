/** Questions about errors that Postgres raised. Codes: https://www.postgresql.org/docs/18/errcodes-appendix.html */

export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return codeOf(error) === '23505' && fits(error, constraint)
}

export function isCheckViolation(error: unknown, constraint?: string): boolean {
  return codeOf(error) === '23514' && fits(error, constraint)
}

/** Serialization failure or deadlock: the same transaction, run again from its start, may well succeed. */
export function isSerializationFailure(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

/** The server could not be asked or did not answer: a statement in flight may or may not have taken effect. */
export function isConnectionFailure(error: unknown): boolean {
  const code = codeOf(error)
  // Classes 08 connection, 53 resources, 57 operator, 58 system; Node's own codes such as ECONNRESET.
  if (code !== undefined) return /^(08|53|57|58)...$|^E[A-Z]/.test(code)
  return (
    error instanceof Error &&
    (isUnanswered(error) ||
      /^Connection terminated|^timeout exceeded when trying to connect/.test(error.message))
  )
}

/** Nothing came back within the time that `pg` was given: the connection may be dead, and must not be used again. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout'
}

/** A prepared plan whose result columns a migration changed; the connection must forget it. */
export function isStalePlan(error: unknown): boolean {
  return codeOf(error) === '0A000' && error instanceof Error && error.message.includes('cached plan')
}

/** SQLSTATE or Node's code (`ECONNREFUSED`) of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return stringField(error, 'code')
}

function fits(error: unknown, constraint: string | undefined): boolean {
  return constraint === undefined || stringField(error, 'constraint') === constraint
}

function stringField(error: unknown, field: 'code' | 'constraint'): string | undefined {
  if (typeof error !== 'object' || error === null || !(field in error)) return undefined
  const value: unknown = (error as Record<string, unknown>)[field]
  return typeof value === 'string' ? value : undefined
}

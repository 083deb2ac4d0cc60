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

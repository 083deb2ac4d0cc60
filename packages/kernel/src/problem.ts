/**
 * The one shape of an error answer: RFC 9457, `application/problem+json`.
 * `code` is stable and for programs; `detail` is for people; `errors` names the fields of bad input.
 */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly code: string
  readonly traceId: string
  readonly data?: unknown
  readonly errors?: readonly FieldError[]
}

export interface FieldError {
  /** Path into the request, dots between: `lines.0.quantity`, `shippingAddress.country`. */
  readonly field: string
  readonly message: string
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** Where the codes are documented; relative, so that it is true on every host. */
export function problemType(code: string): string {
  return `/docs/errors#${code}`
}

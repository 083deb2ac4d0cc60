type ErrorType = 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error'

export interface ErrorDetail {
  readonly type?: ErrorType
  readonly code?: string
  readonly param?: string
  readonly decline_code?: string
  readonly charge?: string
  readonly payment_intent?: object
  readonly payment_method?: object
}

/** What the API answers instead of an object. Everything else that is thrown is a fault of the sandbox: 500. */
export class StripeError extends Error {
  readonly status: number
  readonly detail: ErrorDetail
  /** A declined card leaves a failed charge behind: what was written stays. */
  readonly keepsEffect: boolean
  /** Found while checking the request, before anything ran: an idempotency key stays unused. */
  readonly beforeExecution: boolean

  constructor(
    status: number,
    message: string,
    detail: ErrorDetail = {},
    when: { keepsEffect?: boolean; beforeExecution?: boolean } = {},
  ) {
    super(message)
    this.status = status
    this.detail = detail
    this.keepsEffect = when.keepsEffect ?? false
    this.beforeExecution = when.beforeExecution ?? false
  }

  body(): { error: Record<string, unknown> } {
    const { type = 'invalid_request_error', code, ...rest } = this.detail
    const docs = code && { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }
    return { error: { ...docs, message: this.message, ...rest, type } }
  }
}

/** The request itself is wrong. */
export function badRequest(message: string, detail: ErrorDetail = {}): StripeError {
  return new StripeError(400, message, detail, { beforeExecution: true })
}

/** The request is well formed, but not now: a state, an amount that is left. */
export function refused(message: string, detail: ErrorDetail = {}): StripeError {
  return new StripeError(400, message, detail)
}

export function noSuch(noun: string, id: string, param = 'id'): StripeError {
  const detail = { code: 'resource_missing', param }
  return new StripeError(404, `No such ${noun}: '${id}'`, detail, { beforeExecution: true })
}

/** Stripe does it, this does not. Saying yes and doing nothing would hide it until the first real payment. */
export function unsupported(what: string, param: string): StripeError {
  return badRequest(`The Stripe sandbox does not support ${what}; Stripe itself does.`, {
    code: 'sandbox_unsupported',
    param,
  })
}

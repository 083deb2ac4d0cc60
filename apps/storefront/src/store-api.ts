import type { ClientPromiseResult, ORPCError } from '@orpc/client'
import type { ContractRouterClient, InferContractRouterOutputs } from '@orpc/contract'
import type { storeContract } from '@storewright/gateway/store-contract'

/** Per call, beside the input. */
export interface CallOptions {
  /** Required by `pay`; the same key always answers for the same order. */
  readonly idempotencyKey?: string
}

/** Everything that passes the gateway, in the name of this request's shopper. */
export type StoreApi = ContractRouterClient<typeof storeContract, CallOptions>

type Outputs = InferContractRouterOutputs<typeof storeContract>
type ProductOutputs = Outputs['product']
export type Category = ProductOutputs['listCategories']['items'][number]
export type ProductCard = ProductOutputs['listProducts']['items'][number]
export type Product = ProductOutputs['getProduct']
export type Variant = Product['variants'][number]
export type Image = ProductCard['images'][number]
export type Availability = ProductCard['availability']
export type Cart = Outputs['cart']['getCart']
export type CartLine = Cart['lines'][number]
export type Quote = Outputs['checkout']['quoteCheckout']
export type Order = Outputs['order']['getOrder']
export type StoreMarket = Outputs['pricing']['listMarkets']['items'][number]
export type Money = ProductCard['price']

/** What a declared refusal looks like to a page, whatever the operation. */
export interface Refusal {
  readonly code: string
  readonly status: number
  readonly message: string
  readonly data: unknown
}

type RefusalOf<Failure> = Extract<Failure, ORPCError<string, unknown>>

/** The value, or the refusal as the contract declares it. Faults still throw. */
export async function attempt<Value, Failure>(
  call: ClientPromiseResult<Value, Failure>,
): Promise<{ value: Value; refusal?: undefined } | { value?: undefined; refusal: RefusalOf<Failure> }> {
  try {
    return { value: await call }
  } catch (error) {
    if (asRefusal(error)) return { refusal: error as RefusalOf<Failure> }
    throw error
  }
}

/** By shape, not by class: the error may come from another copy of the library than the one bundled here. */
export function asRefusal(error: unknown): Refusal | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, status } = error as Partial<Refusal>
  if (typeof code !== 'string' || typeof status !== 'number' || status < 400 || status > 499) return undefined
  return error as unknown as Refusal
}

/** Messages by field name of an `invalid-input` refusal; dotted paths such as `shippingAddress.city` are kept. */
export function fieldErrors(refusal: {
  readonly code: string
  readonly data?: unknown
}): Record<string, string> {
  const data = refusal.data as { errors?: unknown } | undefined
  const found: Record<string, string> = {}
  if (refusal.code !== 'invalid-input' || !Array.isArray(data?.errors)) return found
  for (const { field, message } of data.errors as { field: string; message: string }[])
    found[field] ??= message
  return found
}

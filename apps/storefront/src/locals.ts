import type { Market } from './markets.ts'
import type { Category, Refusal, StoreApi } from './store-api.ts'

/** What the platform passes with every request. */
export interface StorefrontLocals {
  readonly shop: {
    readonly name: string
    /** Absolute, without a trailing slash: the origin of canonical links. */
    readonly publicUrl: string
    /** True in production on sandboxes: every page then says that nothing is really sold. */
    readonly sandboxBanner: boolean
  }
  /** Bound to this request's shopper; a page that only browses makes no call that needs an identity. */
  readonly api: StoreApi
  /** A page failed: the platform writes it down with the request's trace. */
  reportFault(error: unknown): void
}

/** What pages read: the middleware adds the market and what became of the request. */
interface PageLocals extends StorefrontLocals {
  market: Market
  /** The path without the market's prefix. */
  path: string
  /** Asked for once, however many parts of the page show them: see `categoriesOf`. */
  categories?: Promise<Category[]>
  problem?: Refusal
}

declare global {
  namespace App {
    interface Locals extends PageLocals {}
  }
}

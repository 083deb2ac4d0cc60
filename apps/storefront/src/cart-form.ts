import { attempt, type Refusal, type StoreApi } from './store-api.ts'

export interface CartAnswer {
  /** What to say when nothing was changed. */
  readonly message: string
  /** The page to go back to, for a product that could not be added. */
  readonly slug?: string
}

/** One of the cart page's forms. `undefined`: done, show the cart anew. */
export async function changeCart(
  api: StoreApi,
  marketId: string,
  form: FormData,
): Promise<CartAnswer | undefined> {
  const sku = text(form, 'sku')
  const slug = text(form, 'slug')
  const quantity = Number(text(form, 'quantity') || '1')
  switch (text(form, '_action')) {
    case 'add': {
      const { refusal } = await attempt(api.cart.addCartLine({ marketId, sku, quantity }))
      if (!refusal) return undefined
      return { message: explain(refusal), ...(/^[a-z0-9-]+$/.test(slug) && { slug }) }
    }
    case 'set': {
      const { refusal } = await attempt(api.cart.setCartLine({ marketId, sku, quantity }))
      return refusal && { message: explain(refusal) }
    }
    case 'remove': {
      const { refusal } = await attempt(api.cart.setCartLine({ marketId, sku, quantity: 0 }))
      // Gone already, perhaps from another tab: that is what was asked for.
      return refusal && refusal.code !== 'not-found' ? { message: explain(refusal) } : undefined
    }
    default:
      return { message: 'This form is not known here. Please reload the page.' }
  }
}

function explain(refusal: Refusal): string {
  switch (refusal.code) {
    case 'insufficient-stock': {
      const [first] = (refusal.data as { missing: { available: number }[] }).missing
      if (!first || first.available === 0) return 'This piece has just sold out.'
      return `There are only ${first.available} left, counting what is in your cart already.`
    }
    case 'invalid-input': {
      const [first] = (refusal.data as { errors: { field: string; message: string }[] }).errors
      return first?.field === 'quantity'
        ? `The quantity ${first.message}.`
        : 'This piece can’t be added like that.'
    }
    case 'not-found':
      return 'This piece is no longer in the shop.'
    default:
      return refusal.message
  }
}

function text(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value.trim() : ''
}

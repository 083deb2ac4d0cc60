import type { Category } from './store-api.ts'

/** Pages show them, and so does the frame around each page: one question per request. */
export function categoriesOf(locals: App.Locals): Promise<Category[]> {
  locals.categories ??= locals.api.product.listCategories().then(list => list.items)
  return locals.categories
}

export const SORTS = [
  { value: 'featured', label: 'Featured' },
  { value: 'newest', label: 'Newest' },
  { value: 'price-asc', label: 'Price, low to high', short: 'Price ↑' },
  { value: 'price-desc', label: 'Price, high to low', short: 'Price ↓' },
] as const

export type Sort = (typeof SORTS)[number]['value']

export const PAGE_SIZE = 24

export interface ListingQuery {
  readonly sort: Sort
  readonly cursor?: string
}

/** What the address asks for. Anything we don't know reads as not asked for, so that no link is ever broken. */
export function readListingQuery(url: URL): ListingQuery {
  const asked = url.searchParams.get('sort')
  const sort = SORTS.find(({ value }) => value === asked)?.value ?? 'featured'
  const cursor = url.searchParams.get('cursor')
  return cursor ? { sort, cursor } : { sort }
}

/** The default is left out, so that a list has one address. */
export function sortParameters(sort: Sort): Record<string, string> {
  return sort === 'featured' ? {} : { sort }
}

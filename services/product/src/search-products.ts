import type { Currency } from '@storewright/kernel/money'
import type { Database } from '@storewright/postgres/sql'
import { searchCards } from './search-store.ts'
import { nearestWord, queryWords } from './spelling.ts'
import type { Place, PlacedCard } from './store.ts'

/**
 * One statement when something has every word. When nothing has, words that no product has are replaced by the nearest
 * that one has, and a second statement looks for products with every word, or else with some.
 */
export async function searchProducts(
  database: Database,
  search: { query: string; currency: Currency; after: Place | undefined; limit: number },
): Promise<{ items: readonly PlacedCard[]; total: number; correctedQuery: string | null }> {
  const { query, ...rest } = search
  const words = queryWords(query)
  if (words.length === 0) return { items: [], total: 0, correctedQuery: null }
  const { unmatched, ...first } = await searchCards(database, { ...rest, words, orSome: false })
  if (first.total > 0) return { ...first, correctedQuery: null }

  const nearest = new Map(unmatched.map(({ word, candidates }) => [word, nearestWord(word, candidates)]))
  const corrected = words.map(word => nearest.get(word) ?? word)
  const isCorrected = corrected.some((word, index) => word !== words[index])
  if (!isCorrected && words.length === 1) return { ...first, correctedQuery: null }
  const { items, total } = await searchCards(database, { ...rest, words: corrected, orSome: true })
  return { items, total, correctedQuery: isCorrected ? corrected.join(' ') : null }
}

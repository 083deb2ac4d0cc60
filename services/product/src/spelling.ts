/** Longer queries are pasted text, not a search; each word costs an index scan. */
const WORDS_MAX = 10
/** No word of a catalog is longer; bounds the cost of comparing two. */
const WORD_LENGTH_MAX = 40

/** The words of a text: letters, marks and digits of any script, lower case. Nothing of a query language survives. */
export function wordsIn(text: string): string[] {
  const words =
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  return words.map(word => [...word].slice(0, WORD_LENGTH_MAX).join(''))
}

/** The words that are searched for. */
export function queryWords(query: string): string[] {
  return [...new Set(wordsIn(query))].slice(0, WORDS_MAX)
}

/** The candidate that a typist most likely meant, or undefined when none is near. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  const limit = toleranceOf(word)
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    // People rarely mistype the first letter: among equally near words it decides.
    const distance = editDistance(word, candidate) + (candidate[0] === word[0] ? 0 : 0.5)
    if (distance > limit + 0.5) continue
    const better =
      !best || distance < best.distance || (distance === best.distance && candidate < best.candidate)
    if (better) best = { candidate, distance }
  }
  return best?.candidate
}

/** How many slips are still the same word. Half of a short word may not be guessed. */
function toleranceOf(word: string): number {
  if (word.length <= 2) return 0
  if (word.length <= 4) return 1
  return word.length <= 7 ? 2 : 3
}

/**
 * Insertions, deletions, replacements and swaps of neighbors that turn one word into the other (Damerau–Levenshtein,
 * optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(beforeLast, j - 2) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}

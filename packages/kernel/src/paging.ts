import { z } from 'zod'

/** One answer holds at most this many items: it bounds memory and the time of a query. */
export const PAGE_MAX = 100

/** Input of every list: an opaque cursor from the answer before, and how many. */
export const pageInput = {
  cursor: z.string().max(500).optional().describe('nextCursor of the page before'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_MAX)
    .default(24)
    .describe(`items per page, at most ${PAGE_MAX}`),
}

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().describe('pass as cursor for the next page; null at the end'),
  })
}

/** Cursors are opaque to callers: base64url of a JSON array of sort values. */
export function encodeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

/** The sort values, or undefined when the text is not one of ours with `length` values. */
export function decodeCursor(cursor: string, length: number): (string | number)[] | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (!Array.isArray(values) || values.length !== length) return undefined
    return values.every(isSortValue) ? values : undefined
  } catch {
    return undefined
  }
}

/** What base64 hid from the edge must not reach a database: NUL and lone surrogates are never sort values. */
function isSortValue(value: unknown): value is string | number {
  return typeof value === 'string' ? !value.includes('\0') && value.isWellFormed() : typeof value === 'number'
}

import type { FieldError } from './problem.ts'

/**
 * Postgres can store neither U+0000 nor half a surrogate pair, while JSON can carry both. Names every text in `value`
 * (JSON) that holds one, keys included, so that a request is refused before it fails in the database.
 */
export function unstorableText(value: unknown, field = ''): FieldError[] {
  if (typeof value === 'string')
    return isStorable(value)
      ? []
      : [{ field: field || 'body', message: 'holds a character no text may hold' }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) =>
    isStorable(key)
      ? unstorableText(part, field ? `${field}.${key}` : key)
      : [{ field: field || 'body', message: 'has a key with a character no text may hold' }],
  )
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000')
}

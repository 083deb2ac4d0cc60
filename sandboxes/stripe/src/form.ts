import { badRequest } from './stripe-error.ts'

/** `a[b][0]=x` as `{ a: { b: { 0: 'x' } } }`: whether numbers mean a list, the reader of the parameter knows. */
export type Value = string | Form
export interface Form {
  [name: string]: Value
}

/** A hundred line items with names and prices are some 600 fields. */
const FIELDS_MAX = 2000
const DEPTH_MAX = 8

export function parseForm(text: string): Form {
  const form: Form = Object.create(null)
  const pairs = [...new URLSearchParams(text)]
  if (pairs.length > FIELDS_MAX) throw badRequest(`Too many parameters: at most ${FIELDS_MAX}`)
  for (const [name, value] of pairs) put(form, pathOf(name), name, value)
  return form
}

function pathOf(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name)
  if (!match) throw badRequest(`Invalid parameter name: ${name}`, { param: name })
  const [, head = '', tail = ''] = match
  const path = [head, ...Array.from(tail.matchAll(/\[([^[\]]*)\]/g), inner => inner[1] ?? '')]
  if (path.length > DEPTH_MAX) throw badRequest(`Parameters nest too deep: ${name}`, { param: name })
  return path
}

function put(form: Form, path: readonly string[], name: string, value: string): void {
  let at = form
  path.forEach((step, index) => {
    const key = step === '' ? String(Object.keys(at).length) : step
    const last = index === path.length - 1
    const present = at[key]
    if (last) {
      if (typeof present === 'object') throw badRequest(`Invalid hash: ${name}`, { param: name })
      at[key] = value
      return
    }
    if (typeof present === 'string') throw badRequest(`Invalid hash: ${name}`, { param: name })
    const next: Form = present ?? Object.create(null)
    at[key] = next
    at = next
  })
}

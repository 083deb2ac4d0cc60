import type { Form, Value } from './form.ts'
import { badRequest, unsupported } from './stripe-error.ts'

/** Reads one parameter or refuses it as Stripe would. `path` is its name in messages: `line_items[0][quantity]`. */
export interface Reader<T> {
  readonly read: (value: Value, path: string) => T
  readonly required?: boolean
  /** The only one of Stripe's releases that has this parameter. */
  readonly release?: Release
}
/** Of the API: what a version like `2026-08-26.dahlia` ends in. */
export type Release = 'dahlia' | 'endive'
interface RequiredReader<T> extends Reader<T> {
  readonly required: true
}
export type Fields = Readonly<Record<string, Reader<unknown>>>
export type Read<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends RequiredReader<infer T>
    ? T
    : F[K] extends Reader<infer T>
      ? T | undefined
      : never
}

export function required<T>(reader: Reader<T>): RequiredReader<T> {
  return { read: reader.read, required: true }
}

/** A parameter that a release has and the other has not. */
export function inRelease<T>(release: Release, reader: Reader<T>): Reader<T> {
  return { ...reader, release }
}

/** What a version of the API knows, of all that is known here. */
export function fieldsIn<F extends Fields>(fields: F, release: Release): F {
  const known = Object.entries(fields).filter(([, reader]) => (reader.release ?? release) === release)
  return Object.fromEntries(known) as F
}

export function readFields<F extends Fields>(fields: F, form: Form, prefix = ''): Read<F> {
  const nameOf = (key: string) => (prefix === '' ? key : `${prefix}[${key}]`)
  const unknown = Object.keys(form).filter(key => !Object.hasOwn(fields, key))
  const [first] = unknown
  if (first !== undefined) {
    const names = unknown.map(nameOf)
    throw badRequest(`Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`, {
      code: 'parameter_unknown',
      param: nameOf(first),
    })
  }
  const result: Record<string, unknown> = {}
  for (const [key, reader] of Object.entries(fields)) {
    const value = form[key]
    if (value === undefined) {
      if (reader.required) throw missing(nameOf(key))
      continue
    }
    result[key] = reader.read(value, nameOf(key))
  }
  return result as Read<F>
}

export function missing(path: string): Error {
  return badRequest(`Missing required param: ${path}.`, { code: 'parameter_missing', param: path })
}

export function text(options: { max?: number; pattern?: RegExp } = {}): Reader<string> {
  const { max = 5000, pattern } = options
  return {
    read(value, path) {
      const string = stringOf(value, path)
      if (string.length > max)
        throw badRequest(`Invalid string: ${excerpt(string)}; must be at most ${max} characters`, {
          param: path,
        })
      if (pattern && !pattern.test(string))
        throw badRequest(`Invalid string: ${excerpt(string)}`, { param: path })
      return string
    },
  }
}

export function oneOf<const V extends string>(...values: readonly V[]): Reader<V> {
  return {
    read(value, path) {
      const string = stringOf(value, path)
      const found = values.find(each => each === string)
      if (found !== undefined) return found
      const list = values.length > 1 ? `${values.slice(0, -1).join(', ')}, or ${values.at(-1)}` : values[0]
      throw badRequest(`Invalid ${path}: must be one of ${list}`, { param: path })
    },
  }
}

export function integer(options: { min?: number; max?: number } = {}): Reader<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options
  return {
    read(value, path) {
      const string = stringOf(value, path)
      const number = /^-?\d{1,16}$/.test(string) ? Number(string) : Number.NaN
      if (!Number.isSafeInteger(number))
        throw badRequest(`Invalid integer: ${excerpt(string)}`, {
          code: 'parameter_invalid_integer',
          param: path,
        })
      if (number < min)
        throw badRequest(`This value must be greater than or equal to ${min}.`, {
          code: 'parameter_invalid_integer',
          param: path,
        })
      if (number > max)
        throw badRequest(`This value must be less than or equal to ${max} (it currently is '${string}').`, {
          param: path,
        })
      return number
    },
  }
}

export const flag: Reader<boolean> = {
  read(value, path) {
    if (value === 'true' || value === 'false') return value === 'true'
    throw badRequest(`Invalid boolean: ${excerpt(stringOf(value, path))}`, { param: path })
  },
}

export function hash<F extends Fields>(fields: F): Reader<Read<F>> {
  return { read: (value, path) => readFields(fields, hashOf(value, path), path) }
}

export function list<T>(item: Reader<T>, max = 100): Reader<T[]> {
  return {
    read(value, path) {
      const entries = Object.entries(hashOf(value, path))
      if (entries.some(([key]) => !/^\d{1,4}$/.test(key))) throw badRequest('Invalid array', { param: path })
      if (entries.length > max)
        throw badRequest(`Array ${path} exceeded maximum ${max} allowed elements.`, { param: path })
      return entries.map(([key, each]) => item.read(each, `${path}[${key}]`))
    },
  }
}

const METADATA_KEYS = 50
const METADATA_KEY = 40
const METADATA_VALUE = 500

/** A value of '' removes its key, and `metadata=` removes them all. */
export type MetadataChange = Readonly<Record<string, string>> | ''

export const metadata: Reader<MetadataChange> = {
  read(value, path) {
    if (value === '') return ''
    const entries = Object.entries(hashOf(value, path))
    if (entries.length > METADATA_KEYS)
      throw badRequest(`You can have up to ${METADATA_KEYS} metadata keys.`, { param: path })
    for (const [key, each] of entries) {
      const param = `${path}[${key}]`
      if (key.length > METADATA_KEY)
        throw badRequest(`Metadata keys can be at most ${METADATA_KEY} characters.`, { param })
      if (typeof each !== 'string')
        throw badRequest(`Metadata values must be strings, but for key ${key} you passed in a hash.`, {
          param,
        })
      if (each.length > METADATA_VALUE)
        throw badRequest(`Metadata values can have up to ${METADATA_VALUE} characters.`, { param })
    }
    return Object.fromEntries(entries) as Record<string, string>
  },
}

export function changedMetadata(
  before: Readonly<Record<string, string>>,
  change: MetadataChange | undefined,
): Record<string, string> {
  if (change === undefined) return { ...before }
  if (change === '') return {}
  const after = { ...before, ...change }
  return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== ''))
}

/** Of no consequence for money or state: looks, texts, hints. */
export const cosmetic: Reader<undefined> = { read: () => undefined }

/** A parameter that Stripe has and this sandbox has not. */
export function foreign(...names: readonly string[]): Record<string, Reader<never>> {
  const reader: Reader<never> = {
    read(_value, path) {
      throw unsupported(`the parameter \`${path}\``, path)
    },
  }
  return Object.fromEntries(names.map(name => [name, reader]))
}

export function stringOf(value: Value, path: string): string {
  if (typeof value !== 'string') throw badRequest('Invalid string', { param: path })
  if (value === '')
    throw badRequest(
      `You passed an empty string for '${path}'. We assume empty values are an attempt to unset a parameter; ` +
        `however '${path}' cannot be unset. You should remove '${path}' from your request or supply a non-empty value.`,
      { code: 'parameter_invalid_empty', param: path },
    )
  return value
}

function hashOf(value: Value, path: string): Form {
  if (typeof value === 'string') throw badRequest(`Invalid object`, { param: path })
  return value
}

function excerpt(string: string): string {
  return string.length <= 40 ? string : `${string.slice(0, 30)}...${string.slice(-6)}`
}

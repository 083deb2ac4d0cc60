import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Schema = { [key: string]: Json }

interface Operation {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: { content: Record<string, { schema: Schema }> }
  readonly responses: Record<string, { content: Record<string, { schema: Schema }> }>
}

interface Document {
  readonly components: { schemas: Record<string, Schema> }
  readonly paths: Record<string, Record<string, Operation>>
}

export interface StripeDescription {
  /** `/v1/charges/{charge}`, or undefined where the API has no such operation. */
  operationOf(method: string, path: string): string | undefined
  /** What is wrong with it; nothing is wrong with an empty list. */
  faultsOfRequest(method: string, path: string, form: string): string[]
  faultsOfAnswer(method: string, path: string, status: number, body: unknown): string[]
  faultsOfObject(schema: string, object: unknown): string[]
}

/** Checks requests and answers against an OpenAPI 3.0 document. Neither may hold anything that it does not name. */
export function describeStripe(document: unknown): StripeDescription {
  const { components, paths } = document as Document
  const answers = newAjv(false)
  const requests = newAjv(true)
  const schemas = Object.fromEntries(
    Object.entries(components.schemas).map(([name, schema]) => [name, jsonSchema(schema)]),
  )
  answers.addSchema({ $id: 'stripe', components: { schemas } })
  const validators = new Map<string, ValidateFunction>()
  const compiled = (key: string, ajv: Ajv, schema: () => object): ValidateFunction => {
    const known = validators.get(key) ?? ajv.compile(schema())
    validators.set(key, known)
    return known
  }

  function locate(method: string, path: string): { key: string; operation: Operation } | undefined {
    // `/v1/charges/search` before `/v1/charges/{charge}`
    const fitting = Object.keys(paths).filter(
      template => paths[template]?.[method.toLowerCase()] && matches(template, path),
    )
    const key = fitting.sort((a, b) => a.split('{').length - b.split('{').length)[0]
    const operation = key === undefined ? undefined : paths[key]?.[method.toLowerCase()]
    return key !== undefined && operation ? { key, operation } : undefined
  }

  return {
    operationOf: (method, path) => locate(method, path)?.key,
    faultsOfRequest(method, path, form) {
      const found = locate(method, path)
      if (!found) return ['no such operation']
      const validate = compiled(`${method} ${found.key}`, requests, () => requestSchema(found.operation))
      return faults(validate, arraysIn(nested(form)))
    },
    faultsOfAnswer(method, path, status, body) {
      const found = locate(method, path)
      const content = found?.operation.responses[status === 200 ? '200' : 'default']?.content
      const schema = content?.['application/json']?.schema
      if (!found || !schema) return ['no such operation']
      const key = `${method} ${found.key} ${status === 200}`
      return faults(
        compiled(key, answers, () => jsonSchema(schema)),
        body,
      )
    },
    faultsOfObject(name, object) {
      const validate = compiled(name, answers, () => ({ $ref: `stripe#/components/schemas/${name}` }))
      return faults(validate, object)
    },
  }
}

/** Forms hold text alone: whether `5` is a number, the schema says. */
function newAjv(coerceTypes: boolean): Ajv {
  return new Ajv({ strict: false, validateFormats: false, allErrors: true, coerceTypes, inlineRefs: false })
}

function faults(validate: ValidateFunction, value: unknown): string[] {
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }: ErrorObject) =>
      `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  )
}

/** OpenAPI 3.0 says `nullable`, JSON Schema a second type. */
function jsonSchema(schema: Schema): Schema {
  return convert(schema) as Schema
}

function convert(value: Json): Json {
  if (Array.isArray(value)) return value.map(each => convert(each))
  if (value === null || typeof value !== 'object') return value
  if (typeof value.$ref === 'string') return { $ref: value.$ref.replace(/^#/, 'stripe#') }
  const { nullable, properties, additionalProperties, ...rest } = value
  const changed: Schema = {}
  for (const [key, each] of Object.entries(rest))
    if (!key.startsWith('x-') && key !== 'description' && key !== 'title') changed[key] = convert(each)
  if (properties && typeof properties === 'object' && !Array.isArray(properties))
    changed.properties = Object.fromEntries(
      Object.entries(properties).map(([name, each]) => [name, convert(each)]),
    )
  if (additionalProperties !== undefined) changed.additionalProperties = convert(additionalProperties)
  else if (changed.properties && Object.keys(changed.properties).length > 0)
    changed.additionalProperties = false
  return nullable === true ? { anyOf: [{ type: 'null' }, changed] } : changed
}

function requestSchema(operation: Operation): object {
  const body = operation.requestBody?.content['application/x-www-form-urlencoded']?.schema
  if (body && Object.keys(body.properties ?? {}).length > 0) return jsonSchema(body)
  const query = (operation.parameters ?? []).filter(each => each.in === 'query')
  return {
    type: 'object',
    properties: Object.fromEntries(query.map(({ name, schema }) => [name, jsonSchema(schema)])),
    required: query.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  }
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/')
  const steps = path.split('/')
  return (
    wanted.length === steps.length &&
    wanted.every((step, index) => step.startsWith('{') || step === steps[index])
  )
}

function nested(form: string): Json {
  const result: { [key: string]: Json } = {}
  for (const [name, value] of new URLSearchParams(form)) {
    const path = name.replaceAll(']', '').split('[')
    let at = result
    for (const [index, step] of path.entries()) {
      const key = step === '' ? String(Object.keys(at).length) : step
      if (index === path.length - 1) {
        at[key] = value
        break
      }
      at[key] ??= {}
      at = at[key] as { [key: string]: Json }
    }
  }
  return result
}

function arraysIn(value: Json): Json {
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, each]) => [key, arraysIn(each)] as const)
  const numbered = entries.length > 0 && entries.every(([key], index) => key === String(index))
  return numbered ? entries.map(([, each]) => each) : Object.fromEntries(entries)
}

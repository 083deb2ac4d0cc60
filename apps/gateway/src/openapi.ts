import type { ErrorMap } from '@orpc/contract'
import {
  type ConditionalSchemaConverter,
  type JSONSchema,
  type OpenAPI,
  OpenAPIGenerator,
} from '@orpc/openapi'
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4'
import { z } from 'zod'
import { EDGE_REFUSALS, type EdgeCode } from './edge-refusals.ts'
import { declaredRefusals } from './error-table.ts'
import { type Example, openapiExamples } from './openapi-examples.ts'
import { type Operation, operations } from './operations.ts'
import { storeContract } from './store-contract.ts'

const problemSchema = z
  .object({
    type: z.string().describe('where the code is explained, relative to this server'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('for people; may change'),
    instance: z.string().describe('the path that was asked for'),
    code: z.string().describe('for programs; stable'),
    traceId: z.string(),
    data: z.unknown().optional().describe('what the code declares'),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('the fields of bad input'),
  })
  .meta({ id: 'Problem', description: 'An error answer (RFC 9457).' })

const DESCRIPTION = `The public API of this store.

**Identity.** Browsers get a guest cookie with their first write. Other clients ask for a guest token
(\`POST /guests\`) or use a staff API key, both as \`Authorization: Bearer …\`; never together with the cookie.

**Errors** are problems (RFC 9457); every code is explained under [/docs/errors](/docs/errors).

**Lists** answer \`items\` and \`nextCursor\`. Pass \`nextCursor\` as \`cursor\` for the next page; \`null\` is the end.
Cursors are opaque and belong to the list and filters they came from. \`limit\` is at most 100.

**Idempotency.** Send \`Idempotency-Key\` with commands: repeated with the same key and input, the answer is the
first one's and nothing happens twice.

**Money** is an integer in minor units of its currency: \`{ "amount": 8900, "currency": "EUR" }\` is €89.00.`

const TAGS = [
  { name: 'Catalog', description: 'Products, categories, markets' },
  { name: 'Cart', description: 'What a shopper is about to buy' },
  { name: 'Checkout', description: 'From a cart to an order' },
  { name: 'Orders', description: 'What was bought' },
  { name: 'Identity', description: 'Guests and staff' },
  { name: 'Staff', description: 'Running the store; needs an API key' },
]

/** OpenAPI 3.1, from the contracts: paths, schemas and declared refusals are theirs; the edge adds its own. */
export async function openapiDocument(publicUrl: string): Promise<OpenAPI.Document> {
  const converter = new ZodToJsonSchemaConverter({
    interceptors: [
      options => {
        const { def } = options.schema._zod
        // Ids are checked strings under a branding transform: on the wire they stay the string.
        if (def.type === 'pipe') {
          const pipe = def as unknown as { in: typeof options.schema; out: typeof options.schema }
          if (pipe.out._zod.def.type === 'transform') {
            const [required, json] = options.next({ ...options, schema: pipe.in })
            const description = z.globalRegistry.get(options.schema)?.description
            return [required, typeof json === 'object' && description ? { ...json, description } : json]
          }
        }
        return options.next()
      },
    ],
  })
  const generator = new OpenAPIGenerator({
    schemaConverters: [converter as unknown as ConditionalSchemaConverter],
  })
  const document = await generator.generate(storeContract, {
    info: { title: 'Storewright API', version: '1', description: DESCRIPTION, license: { name: 'MIT' } },
    servers: [{ url: `${publicUrl}/api` }],
    tags: TAGS,
    components: {
      securitySchemes: {
        guestToken: { type: 'http', scheme: 'bearer', description: 'A guest token of POST /guests' },
        apiKey: { type: 'http', scheme: 'bearer', description: 'A staff API key, sk_…' },
        guestCookie: {
          type: 'apiKey',
          in: 'cookie',
          name: publicUrl.startsWith('https:') ? '__Host-storewright_guest' : 'storewright_guest',
          description: 'Set by the first write of a browser',
        },
      },
    },
    commonSchemas: commonSchemas(),
    customErrorResponseBodySchema: definitions => ({
      oneOf: definitions.map(([code, , , data]) => problemOfCode(code, data) as JSONSchema),
    }),
  })
  for (const operation of operations) complete(document, operation)
  dropSafeIntegerBounds(document)
  return document
}

/** Every schema that carries `.meta({ id })`, under that name. */
function commonSchemas(): Record<string, { schema: z.core.$ZodType; strategy: 'input' | 'output' }> {
  const found = new Map<string, z.core.$ZodType>([['Problem', problemSchema]])
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    const schema = value as z.core.$ZodType
    if (!schema._zod) {
      for (const part of Object.values(value)) visit(part)
      return
    }
    const name = z.globalRegistry.get(schema)?.id
    if (name && found.has(name) && found.get(name) !== schema)
      throw new Error(`two schemas are named ${name}`)
    if (name) found.set(name, schema)
    visit(schema._zod.def)
  }
  for (const { contract } of operations) {
    const { inputSchema, outputSchema, errorMap } = contract['~orpc']
    visit(inputSchema)
    visit(outputSchema)
    visit(Object.values(errorMap as ErrorMap).map(entry => entry?.data))
  }
  return Object.fromEntries(
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => [name, { schema, strategy: 'input' }]),
  )
}

function complete(document: OpenAPI.Document, operation: Operation): void {
  const method = operation.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete'
  const described = document.paths?.[operation.path]?.[method] as OpenAPI.OperationObject | undefined
  if (!described) throw new Error(`${operation.id} is missing in the OpenAPI document`)
  const example = openapiExamples[operation.id]
  if (!example) throw new Error(`${operation.id} has no example`)
  described.operationId = operation.id.replace('.', '_')
  described.security = securityOf(operation)
  described.responses = responsesOf(described, operation)
  addExamples(described, operation, example)
  if (operation.meta.idempotency)
    described.parameters = [
      ...(described.parameters ?? []),
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: operation.meta.idempotency === 'required',
        description: 'Your own name for this command: sent again with the same input, it happens once.',
        schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
        example: '5f1c2f5e-0c4e-4a36-9a7e-0f5d6f1f8f54',
      },
    ]
}

function securityOf({ meta, contract }: Operation): OpenAPI.SecurityRequirementObject[] {
  if (meta.access === 'staff') return [{ apiKey: [] }]
  const someone = [{ guestCookie: [] }, { guestToken: [] }, { apiKey: [] }]
  if (meta.identity === 'guest') return someone
  // An order opens by its token to anybody, and without it to its owner and to staff.
  return contract['~orpc'].route.tags?.includes('Orders') ? [{}, ...someone] : []
}

function problemOfCode(code: string, data?: unknown): OpenAPI.SchemaObject {
  const hasData = typeof data === 'object' && data !== null && Object.keys(data).length > 0
  return {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      {
        type: 'object',
        properties: {
          code: { const: code },
          ...(hasData && code !== 'invalid-input' ? { data: data as OpenAPI.SchemaObject } : {}),
        },
      },
    ],
  }
}

function problemOfEdge(codes: readonly EdgeCode[]): OpenAPI.SchemaObject {
  return {
    allOf: [
      { $ref: '#/components/schemas/Problem' },
      { type: 'object', properties: { code: { enum: [...codes] } } },
    ],
  }
}

/** zod's `int()` means safe integers; their bounds say nothing to a reader of the document. */
function dropSafeIntegerBounds(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const schema = value as { minimum?: unknown; maximum?: unknown }
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  for (const part of Object.values(value)) dropSafeIntegerBounds(part)
}

type Responses = NonNullable<OpenAPI.OperationObject['responses']>

/** Declared refusals as problems, and those that the edge may answer in front of this operation. */
function responsesOf(described: OpenAPI.OperationObject, operation: Operation): Responses {
  const responses: Record<string, OpenAPI.ResponseObject> = {}
  const declared = declaredRefusals(operation.contract)
  const before = edgeCodes(operation).filter(code => !declared.some(refusal => refusal.code === code))
  for (const [status, response] of Object.entries(described.responses ?? {}))
    if (Number(status) < 400) responses[status] = response as OpenAPI.ResponseObject
  const statuses = new Set([
    ...declared.map(({ status }) => status),
    ...before.map(code => EDGE_REFUSALS[code].status),
  ])
  for (const status of [...statuses].sort()) {
    const generated = described.responses?.[status] as OpenAPI.ResponseObject | undefined
    const own = generated?.content?.['application/json']?.schema as
      | (OpenAPI.SchemaObject & { oneOf?: OpenAPI.SchemaObject[] })
      | undefined
    const edge = before.filter(code => EDGE_REFUSALS[code].status === status)
    const meanings = [
      ...declared
        .filter(refusal => refusal.status === status)
        .map(({ code, message }) => `\`${code}\`: ${message}`),
      ...edge.map(code => `\`${code}\`: ${EDGE_REFUSALS[code].meaning}`),
    ]
    // The generator folds a single variant into the schema itself.
    const variants = [
      ...(own?.oneOf ?? (own ? [own] : [])),
      ...(edge.length > 0 ? [problemOfEdge(edge)] : []),
    ]
    responses[status] = {
      description: meanings.join('\n\n'),
      content: {
        'application/problem+json': {
          schema: variants.length === 1 && variants[0] ? variants[0] : { oneOf: variants },
        },
      },
      ...(status === 429
        ? { headers: { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } } } }
        : {}),
    }
  }
  return responses
}

function edgeCodes({ meta, isWrite }: Operation): EdgeCode[] {
  return [
    'invalid-input',
    'credentials-conflict',
    ...(meta.idempotency === 'required' ? (['idempotency-key-required'] as const) : []),
    ...(meta.access === 'staff' ? (['authentication-required', 'forbidden'] as const) : []),
    'credentials-invalid',
    ...(isWrite
      ? (['cross-origin', 'request-timeout', 'body-too-large', 'unsupported-media-type'] as const)
      : []),
    'rate-limited',
    'internal',
    'unavailable',
    'timeout',
  ]
}

function addExamples(described: OpenAPI.OperationObject, operation: Operation, example: Example): void {
  const body: Record<string, unknown> = { ...example.input }
  for (const parameter of described.parameters ?? []) {
    if (!('name' in parameter)) continue
    // Neither is true of this API: names are literal and values percent-encoded.
    delete parameter.allowEmptyValue
    delete parameter.allowReserved
    if (parameter.name in body) parameter.example = body[parameter.name]
    delete body[parameter.name]
  }
  const content =
    described.requestBody && 'content' in described.requestBody
      ? described.requestBody.content['application/json']
      : undefined
  if (content) content.example = body
  const success = described.responses?.[operation.successStatus] as OpenAPI.ResponseObject | undefined
  const answer = success?.content?.['application/json']
  if (answer) answer.example = example.output
}

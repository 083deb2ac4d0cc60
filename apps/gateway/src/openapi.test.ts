import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import { z } from 'zod'
import { errorsMarkdown } from './error-table.ts'
import { openapiExamples } from './openapi-examples.ts'
import { operations } from './operations.ts'
import { testGateway } from './testing.ts'

interface Operation {
  operationId: string
  summary?: string
  security?: Record<string, unknown>[]
  parameters?: { name: string; in: string; required?: boolean; example?: unknown }[]
  requestBody?: { content: Record<string, { example?: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, { example?: unknown }> }>
}

interface Document {
  openapi: string
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> }
}

let document: Document
before(async () => {
  const { app } = testGateway()
  document = (await (await app.request('http://localhost:3000/api/openapi.json')).json()) as Document
})

for (const operation of operations)
  test(`the example of ${operation.id} fits its contract`, () => {
    const example = openapiExamples[operation.id]
    assert.ok(example)
    const { inputSchema, outputSchema } = operation.contract['~orpc']
    if (inputSchema) z.parse(inputSchema as unknown as z.core.$ZodType, example.input)
    // Parsing drops what the contract does not know, so equality also finds fields that are not there any more.
    assert.deepEqual(z.parse(outputSchema as unknown as z.core.$ZodType, example.output), example.output)
  })

test('no example is left over', () => {
  assert.deepEqual(Object.keys(openapiExamples).sort(), operations.map(({ id }) => id).sort())
})

test('the document describes every operation: name, summary, example, problems', () => {
  assert.match(document.openapi, /^3\.1/)
  assert.equal(document.servers[0]?.url, 'http://localhost:3000/api')
  for (const { id, method, path, meta, successStatus } of operations) {
    const described = document.paths[path]?.[method.toLowerCase()]
    assert.ok(described, id)
    assert.equal(described.operationId, id.replace('.', '_'))
    assert.ok(described.summary, id)
    assert.ok(described.responses[successStatus]?.content?.['application/json']?.example, id)
    const problems = Object.keys(described.responses).filter(status => Number(status) >= 400)
    assert.ok(problems.includes('400') && problems.includes('429'), id)
    for (const status of problems)
      assert.deepEqual(Object.keys(described.responses[status]?.content ?? {}), ['application/problem+json'])
    if (meta.access === 'staff') assert.deepEqual(described.security, [{ apiKey: [] }])
    const key = described.parameters?.find(({ name }) => name === 'Idempotency-Key')
    assert.equal(key?.required ?? false, meta.idempotency === 'required', id)
    assert.equal(key !== undefined, meta.idempotency !== undefined, id)
  }
})

test('every reference resolves, and shared schemas bear their names', () => {
  const text = JSON.stringify(document)
  const used = new Set(
    [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(match => match[1] ?? ''),
  )
  assert.ok(used.size > 10)
  for (const name of used) assert.ok(document.components.schemas[name], name)
  for (const name of ['Money', 'Address', 'Product', 'Cart', 'Order', 'Problem'])
    assert.ok(used.has(name), name)
  assert.ok(!text.includes('9007199254740991'))
})

test('declared data of a refusal is part of its problem', () => {
  const conflict = JSON.stringify(document.paths['/checkout/pay']?.post?.responses['409'])
  assert.match(conflict, /"const":"total-changed"/)
  assert.match(conflict, /"quote":\{"\$ref":"#\/components\/schemas\/Quote"\}/)
  const bad = JSON.stringify(document.paths['/products']?.get?.responses['400'])
  assert.match(bad, /invalid-input/)
})

test('docs/errors.md is what the contracts say now', async () => {
  const written = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  assert.equal(written, errorsMarkdown(), 'run: node scripts/generate-errors.ts')
})

test('the reference is served from our own origin, without inline script or style', async () => {
  const { app } = testGateway()
  const page = await app.request('http://localhost:3000/api/reference')
  const html = await page.text()
  assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self';/)
  assert.doesNotMatch(page.headers.get('content-security-policy') ?? '', /unsafe/)
  const scripts = [...html.matchAll(/<script([^>]*)>([^<]*)</g)]
  assert.equal(scripts.length, 2)
  for (const [, attributes, inline] of scripts) {
    const source = /src="(\/api\/reference\/[^"]+)"/.exec(attributes ?? '')?.[1]
    assert.equal(inline, '')
    const script = await app.request(`http://localhost:3000${source}`)
    assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/)
    await script.body?.cancel()
  }
})

test('fixed documents are compressed when the caller can read that', async () => {
  const { app } = testGateway()
  const plain = await app.request('http://localhost:3000/api/openapi.json')
  const small = await app.request('http://localhost:3000/api/openapi.json', {
    headers: { 'accept-encoding': 'br, gzip' },
  })
  assert.equal(plain.headers.get('content-encoding'), null)
  assert.equal(small.headers.get('content-encoding'), 'gzip')
  assert.ok((await small.arrayBuffer()).byteLength * 3 < (await plain.arrayBuffer()).byteLength)
})

test('every error code has its place on the errors page', async () => {
  const { app } = testGateway()
  const html = await (await app.request('http://localhost:3000/docs/errors')).text()
  const problem = (await (await app.request('http://localhost:3000/api/nowhere')).json()) as { type: string }
  const [path, anchor] = problem.type.split('#')
  assert.equal(path, '/docs/errors')
  assert.ok(html.includes(`id="${anchor}"`))
})

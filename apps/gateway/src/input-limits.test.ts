import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isContractProcedure } from '@orpc/contract'
import { CART_LINES_MAX, CART_QUANTITY_MAX } from '@storewright/cart/contract'
import { INT4_MAX } from '@storewright/kernel/integer'
import { AMOUNT_MAX, PRICE_MAX } from '@storewright/kernel/money'
import { SHIPPING_AMOUNT_MAX, TAX_BASIS_POINTS_MAX } from '@storewright/pricing/contract'
import { z } from 'zod'
import { serviceContracts } from './service-contracts.ts'

/** Amounts are kept as bigint: these end of a path may be as large as any sum. */
const AMOUNTS = /\.(amount|freeFromAmount)$/

/** Kept as bigint and counted by ourselves, one at a time: out of reach. */
const COUNTED = /\.receiveEvents\.events\[\]\.aggregateSeq$/

interface Found {
  readonly path: string
  readonly minimum: number | undefined
  readonly maximum: number | undefined
}

test('every number that an operation takes has a limit within its column', () => {
  const numbers = Object.entries(serviceContracts).flatMap(([service, contract]) =>
    Object.entries(contract).flatMap(([name, procedure]) => {
      if (!isContractProcedure(procedure)) throw new Error(`${name} is not an operation`)
      const { inputSchema } = procedure['~orpc']
      return inputSchema ? numbersIn(inputSchema as unknown as z.core.$ZodType, `${service}.${name}`) : []
    }),
  )
  assert.ok(numbers.length > 40, `only ${numbers.length} numbers found: does the walk still see them?`)
  const unbounded = numbers.filter(({ path, minimum, maximum }) => {
    if (COUNTED.test(path)) return false
    const limit = AMOUNTS.test(path) ? AMOUNT_MAX : INT4_MAX
    return minimum === undefined || maximum === undefined || minimum < -limit || maximum > limit
  })
  assert.deepEqual(unbounded, [])
})

test('a full cart of the dearest items, with tax and shipping, is within what a sum may be', () => {
  const net = CART_LINES_MAX * CART_QUANTITY_MAX * PRICE_MAX + SHIPPING_AMOUNT_MAX
  assert.ok(net * (1 + TAX_BASIS_POINTS_MAX / 10_000) <= AMOUNT_MAX)
})

/** Numbers at every depth of a schema, as JSON Schema tells them; lists as `[]`, records as `{}`. */
function numbersIn(schema: z.core.$ZodType, at: string): Found[] {
  const json = z.toJSONSchema(schema, { io: 'input', reused: 'inline', unrepresentable: 'any' })
  const definitions = json.$defs ?? {}
  const walk = (node: unknown, path: string): Found[] => {
    if (typeof node !== 'object' || node === null) return []
    const part = node as z.core.JSONSchema.JSONSchema
    if (part.$ref) return walk(definitions[part.$ref.replace('#/$defs/', '')], path)
    const own =
      part.type === 'integer' || part.type === 'number'
        ? [{ path, minimum: part.minimum, maximum: part.maximum }]
        : []
    return [
      ...own,
      ...Object.entries(part.properties ?? {}).flatMap(([key, child]) => walk(child, `${path}.${key}`)),
      ...walk(part.items, `${path}[]`),
      ...walk(part.additionalProperties, `${path}{}`),
      ...[part.anyOf, part.oneOf, part.allOf].flatMap(parts => (parts ?? []).flatMap(one => walk(one, path))),
    ]
  }
  return walk(json, at)
}

import type { ObjectFilter, StripeObject } from './objects.ts'
import { type Fields, hash, integer, type Read, type Reader, text } from './parameters.ts'
import { badRequest, noSuch } from './stripe-error.ts'
import type { World } from './world.ts'

/** Stripe's own limits. */
const PAGE_DEFAULT = 10
const PAGE_MAX = 100

const range = hash({ gt: integer(), gte: integer(), lt: integer(), lte: integer() })

/** A second, or a range of them. */
const created: Reader<{ gt?: number; gte?: number; lt?: number; lte?: number }> = {
  read(value, path) {
    if (typeof value !== 'string') {
      const read = range.read(value, path)
      return Object.fromEntries(Object.entries(read).filter(([, each]) => each !== undefined))
    }
    const second = integer().read(value, path)
    return { gte: second, lte: second }
  },
}

export const pageFields = {
  limit: integer({ min: 1, max: PAGE_MAX }),
  starting_after: text(),
  ending_before: text(),
} as const satisfies Fields

export const listFields = { ...pageFields, created } as const

export interface ListObject {
  readonly object: 'list'
  readonly data: StripeObject[]
  readonly has_more: boolean
  readonly url: string
}

const COLUMNS = ['payment_intent', 'charge', 'source', 'status'] as const

/** A page of objects, newest first. `keep` is for what no column holds. */
export function listObjects(
  world: World,
  url: string,
  filter: ObjectFilter,
  input: Read<typeof listFields>,
  keep: (object: StripeObject) => boolean = () => true,
): ListObject {
  const { starting_after: after, ending_before: before, limit = PAGE_DEFAULT } = input
  if (after !== undefined && before !== undefined)
    throw badRequest('You may only specify one of these parameters: ending_before, starting_after.')
  const where = ['type = ?']
  const values: (string | number)[] = [filter.type]
  for (const name of COLUMNS) {
    const value = filter[name]
    if (value === undefined) continue
    where.push(`${name} = ?`)
    values.push(value)
  }
  const bounds = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const
  for (const [name, sign] of Object.entries(bounds)) {
    const value = input.created?.[name as keyof typeof bounds]
    if (value === undefined) continue
    where.push(`created ${sign} ?`)
    values.push(value)
  }
  const cursor = after ?? before
  if (cursor !== undefined) {
    where.push(`seq ${after === undefined ? '>' : '<'} ?`)
    values.push(seqOf(world, filter.type, cursor, after === undefined ? 'ending_before' : 'starting_after'))
  }
  const order = before === undefined ? 'DESC' : 'ASC'
  const found: StripeObject[] = []
  const sql = `SELECT body FROM object WHERE ${where.join(' AND ')} ORDER BY seq ${order}`
  for (const row of world.db.each(sql, ...values)) {
    const body = JSON.parse(String(row.body)) as StripeObject
    if (keep(body)) found.push(body)
    if (found.length > limit) break
  }
  const data = found.slice(0, limit)
  if (before !== undefined) data.reverse()
  return { object: 'list', data, has_more: found.length > limit, url }
}

/** A page of what is held in one piece. */
export function listOf(
  url: string,
  all: readonly StripeObject[],
  input: Read<typeof pageFields>,
): ListObject {
  const { limit = PAGE_DEFAULT, starting_after: after, ending_before: before } = input
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
  const to = before === undefined ? all.length : all.findIndex(({ id }) => id === before)
  const rest = all.slice(from, to)
  const data = before === undefined ? rest.slice(0, limit) : rest.slice(-limit)
  return { object: 'list', data, has_more: rest.length > limit, url }
}

function seqOf(world: World, type: string, id: string, param: string): number {
  const row = world.db.row('SELECT seq FROM object WHERE id = ? AND type = ?', id, type)
  if (!row) throw noSuch(type, id, param)
  return Number(row.seq)
}

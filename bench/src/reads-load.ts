import { setTimeout as sleep } from 'node:timers/promises'
import { type HttpTarget, openConnection } from './http-connection.ts'
import { type LatencySummary, round, summarize } from './latency.ts'
import { createPageReader, createPriceHistory, priceInJson, WATCHED_PRICE_FROM } from './price-watch.ts'

/** Runs in the load process, writer and readers together: one clock says which came first. */
export interface ReadsInput {
  readonly target: HttpTarget
  readonly clients: number
  readonly seconds: number
  /** Asked for in turn; a `watched` one must show the watched product's price. */
  readonly requests: readonly { readonly path: string; readonly watched: boolean }[]
  readonly as: 'json' | 'page'
  /** 0: an answer asked for after a price was acknowledged must show it, or a newer one. */
  readonly staleMs: number
  readonly writer: {
    readonly authorization: string
    readonly sku: string
    readonly slug: string
    readonly everyMs: number
  }
}

export interface ReadsLoad {
  readonly answers: number
  readonly perSecond: number
  readonly latency: LatencySummary
  readonly megabytes: number
  /** Answers whose price was compared with what had been written. */
  readonly compared: number
  readonly distinctPricesSeen: number
  readonly stalestMs: number
  readonly violations: readonly string[]
  readonly violationCount: number
  readonly errors: Readonly<Record<string, number>>
  readonly writes: LatencySummary
  readonly failedWrites: number
}

const VIOLATIONS_KEPT = 5

/** Over all runs: a page may still show a price of the run before. */
const history = createPriceHistory(WATCHED_PRICE_FROM)

export async function readWhileWriting(input: ReadsInput): Promise<ReadsLoad> {
  const state = {
    latencies: [] as number[],
    bytes: 0,
    compared: 0,
    seen: new Set<number>(),
    stalestMs: 0,
    violations: [] as string[],
    violationCount: 0,
    errors: {} as Record<string, number>,
  }
  const violated = (text: string) => {
    state.violationCount++
    if (state.violations.length < VIOLATIONS_KEPT) state.violations.push(text)
  }
  const { slug } = input.writer
  const headers = input.as === 'page' ? 'accept-encoding: gzip\r\n' : ''
  const readers = input.requests.map(() =>
    input.as === 'page' ? createPageReader() : (answer: { body: Buffer }) => priceInJson(answer.body, slug),
  )
  const startedAt = performance.now()
  const endAt = startedAt + input.seconds * 1000
  let turn = 0
  const reading = Array.from({ length: input.clients }, async () => {
    const connection = openConnection(input.target)
    while (performance.now() < endAt) {
      const index = turn++ % input.requests.length
      const request = input.requests[index]
      if (!request) throw new Error('nothing to ask for')
      const sentAt = performance.now()
      const least = history.leastAt(sentAt, input.staleMs)
      const answer = await connection.send('GET', request.path, headers)
      state.latencies.push(performance.now() - sentAt)
      state.bytes += answer.body.length
      if (answer.status !== 200) {
        state.errors[answer.status] = (state.errors[answer.status] ?? 0) + 1
        continue
      }
      if (!request.watched) continue
      const shown = readers[index]?.(answer)
      state.compared++
      if (shown === undefined) {
        violated(`${request.path} did not show the watched product`)
        continue
      }
      state.seen.add(shown)
      state.stalestMs = Math.max(state.stalestMs, history.ageOf(shown, sentAt))
      if (shown < least) violated(`${request.path} showed ${shown} when ${least} had been acknowledged`)
    }
    connection.close()
  })
  const writing = writePrices(input, endAt)
  await Promise.all(reading)
  const seconds = (performance.now() - startedAt) / 1000
  const { writesMs, failedWrites } = await writing
  return {
    answers: state.latencies.length,
    perSecond: round(state.latencies.length / seconds, 0),
    latency: summarize(state.latencies),
    megabytes: round(state.bytes / 1e6, 1),
    compared: state.compared,
    distinctPricesSeen: state.seen.size,
    stalestMs: round(state.stalestMs),
    violations: state.violations,
    violationCount: state.violationCount,
    errors: state.errors,
    writes: summarize(writesMs),
    failedWrites,
  }
}

/** At fixed times, one after the other: a slow write delays the next, it never overlaps it. */
async function writePrices(input: ReadsInput, endAt: number) {
  const { writer } = input
  const connection = openConnection(input.target)
  const headers = `authorization: ${writer.authorization}\r\n`
  const writesMs: number[] = []
  let failedWrites = 0
  for (let dueAt = performance.now(); dueAt < endAt; dueAt += writer.everyMs) {
    await sleep(Math.max(0, dueAt - performance.now()))
    const amount = history.next()
    const sentAt = performance.now()
    const body = JSON.stringify({ price: { amount, currency: 'EUR' } })
    const answer = await connection.send('PUT', `/api/admin/variants/${writer.sku}/price`, headers, body)
    if (answer.status === 200) {
      history.acknowledged(amount)
      writesMs.push(performance.now() - sentAt)
    } else failedWrites++
  }
  connection.close()
  return { writesMs, failedWrites }
}

/** A reporter for `node --test-reporter`: one JSON line per finished test, read by test-file.ts in another process. */
import { inspect } from 'node:util'

export interface TestLine {
  readonly kind: 'pass' | 'fail' | 'skip' | 'note'
  /** With the names of the suites around it; a note's text. */
  readonly name: string
  readonly ms: number
  /** Why it failed, with its stack. */
  readonly error: string
}

interface TestEvent {
  readonly type: string
  readonly data: {
    readonly name?: string
    readonly nesting?: number
    readonly message?: string
    readonly skip?: boolean | string
    readonly todo?: boolean | string
    readonly details?: {
      readonly duration_ms?: number
      readonly type?: string
      readonly error?: Error & { readonly failureType?: string }
    }
  }
}

/** What Node itself says at the end of a run, counted here in another way. */
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/

// biome-ignore lint/style/noDefaultExport: how Node loads a reporter
export default async function* testEvents(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = []
  for await (const { type, data } of source) {
    if (type === 'test:start') names[data.nesting ?? 0] = data.name ?? ''
    const line = lineOf(type, data, names)
    if (line) yield `${JSON.stringify(line)}\n`
  }
}

function lineOf(type: string, data: TestEvent['data'], names: string[]): TestLine | undefined {
  if (type === 'test:diagnostic')
    return SUMMARY.test(data.message ?? '')
      ? undefined
      : { kind: 'note', name: data.message ?? '', ms: 0, error: '' }
  if (type !== 'test:pass' && type !== 'test:fail') return undefined
  names[data.nesting ?? 0] = data.name ?? ''
  const name = names.slice(0, (data.nesting ?? 0) + 1).join(' › ')
  const { error, duration_ms: ms = 0, type: what } = data.details ?? {}
  if (type === 'test:fail') {
    // The tests inside have said it already; their suite only repeats that some failed.
    if (error?.failureType === 'subtestsFailed') return undefined
    if (!data.todo) return { kind: 'fail', name, ms, error: inspect(error?.cause ?? error, { depth: 6 }) }
  }
  if (what === 'suite') return undefined
  return { kind: data.skip || data.todo ? 'skip' : 'pass', name, ms, error: '' }
}

export interface Suite {
  readonly name: string
  readonly title: string
  /** Of a two-core machine; more is told, not punished. */
  readonly allottedMinutes: number
  readonly concurrency: number
  readonly fileTimeoutMs: number
  /** Whether its tests open pages in Chromium. */
  readonly browser: boolean
  readonly files: readonly string[]
}

type SuiteRule = Omit<Suite, 'files'> & { readonly pattern: RegExp }

const MINUTE_MS = 60_000

/** In this order: what is quick and near the fault comes first. A file belongs to the first suite it matches. */
const SUITE_RULES: readonly SuiteRule[] = [
  // Journeys and faults start whole platforms; two at a time would measure each other.
  rule('journeys', 'Journeys', 10, 1, 5, /^tests\/journeys\//, true),
  rule('faults', 'Faults', 8, 1, 5, /^tests\/(faults|security)\//),
  rule('engines', 'Engines', 6, 1, 5, /^tests\/engines\//),
  rule('pages', 'Pages', 7, 1, 5, /^tests\/pages\//, true),
  rule('unit', 'Unit and store', 6, 2, 2, /./),
]
const ORDER = ['unit', 'journeys', 'faults', 'engines', 'pages']

function rule(
  name: string,
  title: string,
  allottedMinutes: number,
  concurrency: number,
  fileMinutes: number,
  pattern: RegExp,
  browser = false,
): SuiteRule {
  const fileTimeoutMs = fileMinutes * MINUTE_MS
  return { name, title, allottedMinutes, concurrency, fileTimeoutMs, browser, pattern }
}

/** Every test file of the repository, in exactly one suite; suites without files are left out. */
export function planSuites(files: readonly string[], filters: readonly string[] = []): Suite[] {
  const tests = files.filter(file => /\.test\.tsx?$/.test(file))
  const byRule = new Map<SuiteRule, string[]>(SUITE_RULES.map(each => [each, []]))
  for (const file of tests) {
    const home = SUITE_RULES.find(({ pattern }) => pattern.test(file))
    if (home && isWanted(home.name, file, filters)) byRule.get(home)?.push(file)
  }
  return [...byRule]
    .filter(([, own]) => own.length > 0)
    .map(([{ pattern: _, ...suite }, own]) => ({ ...suite, files: own }))
    .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))
}

function isWanted(suite: string, file: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some(filter => filter === suite || file.includes(filter))
}

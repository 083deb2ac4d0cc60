import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { cruise, uncruised } from './import-rules.ts'
import { ROOT, runTool } from './run-tool.ts'

/** A small house in which nothing is wrong. */
const HOUSE: Record<string, string> = {
  'packages/kernel/src/money.ts': "import 'node:crypto'\nimport 'zod'",
  'packages/postgres/src/sql.ts': "import '../../kernel/src/money.ts'\nimport 'node:fs'",
  'packages/rpc/src/contract.ts': "import '../../kernel/src/money.ts'",
  'services/cart/src/contract.ts': "import '../../../packages/rpc/src/contract.ts'",
  'services/cart/src/domain.ts': "import type { Line } from './contract.ts'\nexport const a: Line[] = []",
  'services/cart/src/store.ts': "import '../../../packages/postgres/src/sql.ts'",
  'services/cart/src/service.ts':
    "import './domain.ts'\nimport './store.ts'\nimport '../../order/src/contract.ts'",
  'services/cart/src/service.test.ts': "import './service.ts'",
  'services/order/src/contract.ts': "import '../../../packages/rpc/src/contract.ts'",
  'services/order/src/service.ts': "import './contract.ts'",
  'apps/platform/src/platform.ts':
    "import '../../../services/cart/src/service.ts'\nimport '../../gateway/src/gateway.ts'",
  'apps/gateway/src/gateway.ts': "import '../../../services/cart/src/contract.ts'",
  'apps/gateway/src/store-contract.ts': 'export type Store = string',
  'apps/storefront/src/store-api.ts':
    "import type { Store } from '../../gateway/src/store-contract.ts'\nexport const s: Store = ''",
  'sandboxes/mail/src/main.ts': "import 'node:net'",
  'tests/journeys/order.test.ts': "import '../../services/cart/src/service.ts'",
}

/** For each rule, files that break it: [rule, file, its import]. */
const BREAKS: readonly [rule: string, file: string, imported: string][] = [
  ['no-cycles', 'services/cart/src/circle-back.ts', './circle.ts'],
  ['resolvable', 'apps/platform/src/nowhere.ts', '../../../services/nothing/src/service.ts'],
  ['kernel-without-io', 'packages/kernel/src/reads-files.ts', 'node:fs'],
  ['kernel-below-all', 'packages/kernel/src/knows-rpc.ts', '../../rpc/src/contract.ts'],
  ['packages-below-services', 'packages/rpc/src/knows-cart.ts', '../../../services/cart/src/contract.ts'],
  ['contract-at-the-bottom', 'services/loose/src/contract.ts', './code.ts'],
  ['domain-is-pure', 'services/impure/src/domain.ts', './store.ts'],
  ['domain-reaches-no-database', 'services/around/src/domain.ts', './between.ts'],
  ['domain-without-io', 'services/clocked/src/domain.ts', 'node:timers'],
  ['service-on-top', 'services/cart/src/upward.ts', './service.ts'],
  ['other-service-by-contract', 'services/cart/src/reaches-in.ts', '../../order/src/service.ts'],
  [
    'only-platform-starts-services',
    'apps/gateway/src/starts-cart.ts',
    '../../../services/cart/src/service.ts',
  ],
  ['platform-by-service-entry', 'apps/platform/src/reads-store.ts', '../../../services/cart/src/store.ts'],
  ['apps-apart', 'apps/cli/src/knows-gateway.ts', '../../gateway/src/gateway.ts'],
  ['storefront-types-only', 'apps/storefront/src/copies-code.ts', '../../../services/cart/src/contract.ts'],
  [
    'storefront-talks-to-gateway',
    'apps/storefront/src/reads-database.ts',
    '../../../packages/postgres/src/sql.ts',
  ],
  ['sandboxes-alone', 'sandboxes/mail/src/borrows.ts', '../../../packages/kernel/src/money.ts'],
  ['tests-stay-out', 'services/cart/src/uses-test.ts', './service.test.ts'],
]

/** What the breaking files lead to, where the house has no such file. */
const BESIDE: Record<string, string> = {
  'services/cart/src/circle.ts': "import './circle-back.ts'",
  'services/loose/src/code.ts': 'export const code = 1',
  'services/impure/src/store.ts': 'export const rows = 1',
  'services/around/src/between.ts': "import '../../../packages/postgres/src/sql.ts'",
}

let house: string
before(() => {
  house = mkdtempSync(join(tmpdir(), 'import-rules-'))
  symlinkSync(join(ROOT, 'node_modules'), join(house, 'node_modules'), 'junction')
  for (const file of ['tsconfig.json', 'biome.json']) cpSync(join(ROOT, file), join(house, file))
  build(HOUSE)
})
after(() => rmSync(house, { recursive: true, force: true }))

function build(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(house, file)), { recursive: true })
    writeFileSync(join(house, file), `${text}\n`)
  }
}

test('a house in order breaks no rule, and every file of it is read', async () => {
  const read = await cruise(house)
  assert.deepEqual(read.violations, [])
  for (const file of Object.keys(HOUSE)) assert.ok(read.modules.includes(file), `${file} was not read`)
  assert.ok(read.imports >= 20)
})

test('every rule can fail', async () => {
  build(BESIDE)
  build(Object.fromEntries(BREAKS.map(([, file, imported]) => [file, `import '${imported}'`])))
  const { violations } = await cruise(house)
  for (const [rule, file] of BREAKS)
    assert.ok(
      violations.some(found => found.rule === rule && found.from === file),
      `${file} does not break ${rule}`,
    )
  const rules = createRequire(import.meta.url)('../.dependency-cruiser.cjs').forbidden
  assert.deepEqual(
    rules
      .map(({ name }: { name: string }) => name)
      .filter((name: string) => !BREAKS.some(([rule]) => rule === name)),
    [],
    'a rule that no file here breaks',
  )
})

test('this repository is read to the last file', async () => {
  const read = await cruise()
  assert.deepEqual(await uncruised(read), [])
  assert.ok(read.modules.length >= 150, `${read.modules.length} modules`)
  assert.ok(read.imports >= 500, `${read.imports} imports`)
})

test('a file that was not read is told', async () => {
  const read = await cruise()
  const without = read.modules.filter(file => file !== 'packages/kernel/src/money.ts')
  assert.deepEqual(await uncruised({ ...read, modules: without }), ['packages/kernel/src/money.ts'])
})

test('a page that imports code of a service is refused by Biome', async () => {
  const page = 'apps/storefront/src/pages/cart.astro'
  const importing = async (name: string) => {
    build({ [page]: `---\nimport { thing } from '${name}'\nconst used = thing\n---\n\n<p>{used}</p>` })
    const args = ['lint', '--vcs-enabled=false', '--only=style/noRestrictedImports', page]
    return runTool('biome', args, { cwd: house })
  }
  assert.equal((await importing('@storewright/kernel/money')).code, 0)
  for (const name of [
    '@storewright/cart/service',
    '@storewright/postgres/sql',
    '@storewright/cart/contract',
  ]) {
    const refused = await importing(name)
    assert.notEqual(refused.code, 0, name)
    assert.match(refused.output, /noRestrictedImports/)
  }
})

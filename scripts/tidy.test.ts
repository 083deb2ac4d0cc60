import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf, missingReadmes } from './tidy.ts'

const lines = (count: number) => 'a\n'.repeat(count)

test('a file of 400 lines passes, one more is too many', () => {
  assert.deepEqual(faultsOf('packages/kernel/src/money.ts', lines(400)), [])
  assert.deepEqual(faultsOf('packages/kernel/src/money.ts', lines(401)), ['401 lines; 400 at most'])
  assert.deepEqual(faultsOf('docs/reports/long.md', lines(401)), [])
})

test('names are kebab-case and say what is inside', () => {
  for (const name of ['place-order.ts', 'place-order.test.ts', '0001-stock.sql', 'env.d.ts', 'x.config.ts'])
    assert.deepEqual(faultsOf(`services/order/src/${name}`, ''), [], name)
  for (const name of ['placeOrder.ts', 'Order.ts', 'place_order.ts'])
    assert.deepEqual(faultsOf(`services/order/src/${name}`, ''), [`"${name}" is not kebab-case`])
  for (const name of ['utils', 'util', 'helpers', 'common', 'types', 'shared', 'index'])
    assert.deepEqual(faultsOf(`services/order/src/${name}.ts`, ''), [
      `"${name}" says nothing about what is in it`,
    ])
  assert.deepEqual(faultsOf('services/order/src/common/rows.ts', ''), [
    '"common" says nothing about what is in it',
  ])
})

test('pages keep the names that their framework gives them', () => {
  assert.deepEqual(faultsOf('apps/storefront/src/pages/p/[slug].astro', ''), [])
  assert.deepEqual(faultsOf('apps/storefront/src/pages/checkout/index.astro', ''), [])
  assert.equal(faultsOf('apps/storefront/src/components/index.astro', '').length, 1)
})

test('leftovers are found in code, not in prose', () => {
  const note = `// ${'TO'}${'DO'}: later`
  assert.deepEqual(faultsOf('apps/cli/src/main.ts', note), [`leftover "${'TO'}${'DO'}"`])
  assert.deepEqual(faultsOf('CONTRIBUTING.md', note), [])
  assert.equal(faultsOf('apps/cli/src/main.ts', `// ${'X'.repeat(3)}: wrong`).length, 1)
  assert.deepEqual(faultsOf('apps/cli/src/main.ts', `const noCurrency = '${'X'.repeat(3)}'`), [])
})

test('no path of one machine, no registry in what npm reads', () => {
  const path = `ran in ${'/ho'}${'me'}/somebody/shop`
  assert.deepEqual(faultsOf('docs/reports/a.md', `first\n${path}\n`), [
    'names a path of one machine (line 2)',
  ])
  assert.deepEqual(faultsOf('docs/a.md', 'see https://example.com/home/about'), [])
  const resolved = '"resolved": "https://npm.example/zod.tgz"'
  assert.deepEqual(faultsOf('package-lock.json', resolved), ['names a registry'])
  assert.deepEqual(faultsOf('.npmrc', 'registry=https://npm.example/'), ['names a registry'])
  assert.deepEqual(faultsOf('.npmrc', 'omit-lockfile-registry-resolved=true\n'), [])
})

test('a README of a service is there and short', () => {
  assert.deepEqual(faultsOf('services/cart/README.md', lines(41)), ['41 lines; 40 at most'])
  assert.deepEqual(missingReadmes(['services/cart/src/contract.ts', 'services/order/src/domain.ts']), [
    { file: 'services/cart/README.md', fault: 'is missing' },
    { file: 'services/order/README.md', fault: 'is missing' },
  ])
  assert.deepEqual(missingReadmes(['services/cart/src/contract.ts', 'services/cart/README.md']), [])
})

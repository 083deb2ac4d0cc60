import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repositoryFiles } from './run-tool.ts'
import { planSuites } from './test-suites.ts'

const FILES = [
  'packages/kernel/src/money.test.ts',
  'packages/kernel/src/money.ts',
  'services/cart/src/service.test.ts',
  'tests/journeys/buy.test.ts',
  'tests/harness/audit.ts',
  'tests/faults/kill.test.ts',
  'tests/contracts/openapi.test.ts',
]

test('every test file is in exactly one suite, in the order of speed', async () => {
  assert.deepEqual(
    planSuites(FILES).map(({ name, files }) => [name, files.length]),
    [
      ['unit', 3],
      ['journeys', 1],
      ['faults', 1],
    ],
  )
  const real = (await repositoryFiles()).filter(file => file.endsWith('.test.ts'))
  const planned = planSuites(real).flatMap(({ files }) => files)
  assert.deepEqual(planned.toSorted(), real.toSorted())
})

test('a filter picks suites by name and files by a part of their path', () => {
  const pick = (...filters: string[]) => planSuites(FILES, filters).flatMap(({ files }) => files)
  assert.deepEqual(pick('journeys'), ['tests/journeys/buy.test.ts'])
  assert.deepEqual(pick('cart', 'money'), [FILES[0], FILES[2]])
  assert.deepEqual(pick('no such file'), [])
})

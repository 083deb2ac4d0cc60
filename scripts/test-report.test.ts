import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countsLine, fullReport, type SuiteResult, suiteTable } from './test-report.ts'

const unit: SuiteResult = {
  title: 'Unit and store',
  ms: 61_000,
  allottedMinutes: 1,
  files: 2,
  passed: 3,
  failed: 1,
  skipped: 0,
}

test('the closing line is plain and names skips only when there are some', () => {
  assert.equal(countsLine([unit, unit]), '6 passed, 2 failed')
  assert.equal(countsLine([{ ...unit, failed: 0, skipped: 2 }]), '3 passed, 0 failed, 2 skipped')
  assert.equal(countsLine([]), '0 passed, 0 failed')
})

test('a suite that took longer than allotted says so', () => {
  assert.match(suiteTable([unit]), /61\.0 s +\| 1 min, overrun/)
  assert.doesNotMatch(suiteTable([{ ...unit, ms: 59_000 }]), /overrun/)
})

test('the full report says when, where, on what and how it ended', async () => {
  const file = {
    file: 'tests/faults/kill.test.ts',
    ms: 5,
    passed: 0,
    skipped: 0,
    failures: [{ name: 'nothing lost', error: 'lost one' }],
    notes: ['375 checkouts'],
    output: '',
  }
  const report = await fullReport([unit], [file])
  assert.match(report, /- Date: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n- Commit: [0-9a-f]{12}/)
  assert.match(report, /- Machine: \S+ \S+, \d+ × .+, \d+ GB, Node \d+/)
  assert.match(report, /\*\*3 passed, 1 failed\*\*/)
  assert.match(report, /kill\.test\.ts`: nothing lost/)
  assert.match(report, /kill\.test\.ts`: 375 checkouts/)
})

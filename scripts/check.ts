/**
 * npm run check [-- <name> ...]
 *
 * Everything that can be said about the code without running it, to the end whatever fails.
 */
import { CHECK_STEPS, type Outcome } from './check-steps.ts'
import { seconds } from './run-tool.ts'

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !CHECK_STEPS.some(step => step.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `no check "${unknown.join('", "')}"; there are ${CHECK_STEPS.map(step => step.name).join(', ')}\n`,
  )
  process.exit(2)
}
const steps = CHECK_STEPS.filter(step => wanted.length === 0 || wanted.includes(step.name))

const startedAt = performance.now()
let failed = 0
for (const step of steps) {
  const from = performance.now()
  const result = await step.run().catch(
    (error: Error): Outcome => ({
      passed: false,
      note: 'could not run',
      details: error.stack ?? error.message,
    }),
  )
  const mark = result.passed ? '✔' : '✘'
  const time = seconds(performance.now() - from)
  process.stdout.write(
    `${mark} ${step.name.padEnd(8)} ${step.title.padEnd(16)} ${time.padStart(7)}  ${result.note}\n`,
  )
  if (result.passed) continue
  failed += 1
  process.stdout.write(`\n${result.details.replace(/^/gm, '    ')}\n\n`)
}
const all = `${steps.length} checks in ${seconds(performance.now() - startedAt)}`
process.stdout.write(failed === 0 ? `\nAll well: ${all}.\n` : `\n${failed} of ${all} failed.\n`)
process.exitCode = failed === 0 ? 0 : 1

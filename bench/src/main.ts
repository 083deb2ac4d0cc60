import { closeOnInterrupt } from './bench-shop.ts'
import { card } from './card.ts'
import { flashSale } from './flash-sale.ts'
import { funnel } from './funnel.ts'
import { round } from './latency.ts'
import { describeMachine } from './machine.ts'
import { reads } from './reads.ts'
import { judge, keepResult } from './report.ts'
import { reservations } from './reservations.ts'
import type { Scenario } from './scenario.ts'
import { startAndMemory } from './start-and-memory.ts'

/**
 * npm run bench [-- scenario ...] [--trial]
 *
 * All of them when none is named. Ends with 1 when a required figure was missed or voided. A trial is a fifth as long
 * and keeps no results.
 */
const SCENARIOS: readonly Scenario[] = [funnel, card, flashSale, reservations, reads, startAndMemory]

const words = process.argv.slice(2)
const trial = words.includes('--trial')
const wanted = words.filter(word => word !== '--trial')
const unknown = wanted.filter(name => SCENARIOS.every(scenario => scenario.name !== name))
if (unknown.length > 0) {
  const known = SCENARIOS.map(({ name, title }) => `  ${name.padEnd(8)} ${title}`).join('\n')
  process.stderr.write(`no scenario ${unknown.join(', ')}; there are\n${known}\n`)
  process.exit(2)
}

let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, async () => {
    if (interrupted) return
    interrupted = true
    await Promise.allSettled([...closeOnInterrupt].map(close => close()))
    process.exit(130)
  })

let failed = false
for (const scenario of SCENARIOS) {
  if (wanted.length > 0 && !wanted.includes(scenario.name)) continue
  console.log(`\n${scenario.title}`)
  const machine = describeMachine()
  const startedAt = performance.now()
  try {
    const result = await scenario.run(seconds => (trial ? seconds / 5 : seconds))
    const seconds = round((performance.now() - startedAt) / 1000, 1)
    const order = SCENARIOS.map(({ name }) => name)
    const figures = trial ? judge(result) : keepResult({ scenario, machine, seconds, result, order })
    for (const { name, measured, required, aim, verdict } of figures) {
      const wish = [required && `required ${required}`, aim && `aim ${aim}`].filter(Boolean).join(', ')
      console.log(`  ${name}: ${measured}${wish ? ` (${wish}): ${verdict}` : ''}`)
    }
    for (const reason of result.voidedBy) console.log(`  VOID: ${reason}`)
    if (figures.some(({ verdict }) => verdict === 'failed' || verdict === 'void')) failed = true
  } catch (error) {
    if (interrupted) break
    failed = true
    console.error(error)
  }
}
process.exit(failed ? 1 : 0)

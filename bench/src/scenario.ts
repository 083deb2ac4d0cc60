/** One line of the table. */
export interface Figure {
  readonly name: string
  readonly measured: string
  readonly required: string | null
  readonly aim: string | null
  readonly verdict: Verdict
}

export type Verdict = 'aim reached' | 'passed' | 'failed' | 'void' | 'no target'

export interface ScenarioResult {
  readonly figures: readonly Figure[]
  /** What broke: any entry voids every figure, however good. */
  readonly voidedBy: readonly string[]
  /** Everything that was measured, for the result file. */
  readonly raw: unknown
}

export interface Scenario {
  readonly name: string
  readonly title: string
  run(pace: Pace): Promise<ScenarioResult>
}

/** Seconds of load, shortened in a trial, whose figures are not kept. */
export type Pace = (seconds: number) => number

interface Target {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly required?: number
  readonly aim?: number
}

/** More is better. */
export function atLeast(target: Target): Figure {
  return figure(target, '≥', (value, limit) => value >= limit)
}

/** Less is better. */
export function atMost(target: Target): Figure {
  return figure(target, '≤', (value, limit) => value <= limit)
}

/** It is so, or it is not. */
export function exactly(name: string, measured: string, required: string, holds: boolean): Figure {
  return { name, measured, required, aim: null, verdict: holds ? 'passed' : 'failed' }
}

export function measuredOnly(name: string, measured: string): Figure {
  return { name, measured, required: null, aim: null, verdict: 'no target' }
}

export function voided(figures: readonly Figure[]): Figure[] {
  return figures.map(one => ({ ...one, verdict: 'void' }))
}

function figure(target: Target, sign: string, reaches: (value: number, limit: number) => boolean): Figure {
  const { name, value, unit, required, aim } = target
  const text = (limit: number | undefined) => (limit === undefined ? null : `${sign} ${shown(limit)} ${unit}`)
  const verdict: Verdict =
    required !== undefined && !reaches(value, required)
      ? 'failed'
      : aim !== undefined && reaches(value, aim)
        ? 'aim reached'
        : required !== undefined
          ? 'passed'
          : aim !== undefined
            ? 'failed'
            : 'no target'
  return { name, measured: `${shown(value)} ${unit}`, required: text(required), aim: text(aim), verdict }
}

function shown(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

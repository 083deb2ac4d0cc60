import type { AnyContractProcedure, ErrorMap } from '@orpc/contract'
import { EDGE_REFUSALS } from './edge-refusals.ts'
import { operations } from './operations.ts'

export interface ErrorEntry {
  readonly code: string
  readonly status: number
  readonly meaning: string
  /** Operation ids that declare it; empty for those of the gateway itself. */
  readonly declaredBy: readonly string[]
}

export interface DeclaredRefusal {
  readonly code: string
  readonly status: number
  readonly message: string
}

/** What an operation's contract declares. */
export function declaredRefusals(contract: AnyContractProcedure): DeclaredRefusal[] {
  return Object.entries(contract['~orpc'].errorMap as ErrorMap).flatMap(([code, entry]) =>
    entry ? [{ code, status: entry.status ?? 500, message: entry.message ?? '' }] : [],
  )
}

/** Every code a caller can meet, alphabetical. The gateway's words win for codes that services declare too. */
export function errorTable(): ErrorEntry[] {
  const entries = new Map<string, ErrorEntry>()
  for (const [code, { status, meaning }] of Object.entries(EDGE_REFUSALS))
    entries.set(code, { code, status, meaning, declaredBy: [] })
  for (const operation of operations)
    for (const { code, status, message } of declaredRefusals(operation.contract)) {
      const known = entries.get(code)
      if (known && known.status !== status)
        throw new Error(`${code} is ${known.status} in one place and ${status} in ${operation.id}`)
      entries.set(code, {
        code,
        status,
        meaning: known?.meaning ?? message,
        declaredBy: [...(known?.declaredBy ?? []), operation.id],
      })
    }
  return [...entries.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
}

/** docs/errors.md. The headings are the anchors that a problem's `type` points at. */
export function errorsMarkdown(): string {
  const sections = errorTable().map(({ code, status, meaning, declaredBy }) =>
    [
      `## ${code}`,
      '',
      `**${status}** ${meaning}`,
      ...(declaredBy.length > 0 ? ['', `Declared by ${declaredBy.map(id => `\`${id}\``).join(', ')}.`] : []),
    ].join('\n'),
  )
  return `${INTRODUCTION}\n\n${sections.join('\n\n')}\n`
}

const INTRODUCTION = `# Errors

Every error answer is a problem (RFC 9457, \`application/problem+json\`): \`type\`, \`title\`, \`status\`, \`detail\`,
\`instance\`, \`code\`, \`traceId\`, and \`errors\` or \`data\` where there is more to say. Programs read \`code\`, which stays;
people read \`detail\`, which may change. \`errors\` lists \`{ field, message }\`; a field is a path into the input
(\`shippingAddress.country\`), a header's name, or \`body\`. Quote \`traceId\` when you ask about an error: it is in our log.

Made by \`scripts/generate-errors.ts\` from the contracts and \`apps/gateway/src/edge-refusals.ts\`.`

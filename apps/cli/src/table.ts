export type Cell = string | number | null

/**
 * Columns as wide as their widest cell, numbers to the right, for lists of any kind. Control characters become
 * visible marks: names and addresses come from strangers, and a terminal obeys what it prints.
 */
export function formatTable(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return 'Nothing there.'
  const texts = rows.map(row => row.map(printable))
  const widths = heads.map((head, at) => Math.max(head.length, ...texts.map(row => (row[at] ?? '').length)))
  const isNumber = heads.map((_, at) => rows.every(row => typeof row[at] === 'number'))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(heads), ...texts.map(line)].join('\n')
}

/** One value per line, names to the left. */
export function formatFields(fields: Readonly<Record<string, Cell>>): string {
  const width = Math.max(...Object.keys(fields).map(name => name.length))
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd())
    .join('\n')
}

export function printable(value: Cell): string {
  if (value === null) return '–'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  return String(value).replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}

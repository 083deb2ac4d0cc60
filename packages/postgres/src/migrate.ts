import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { Database, Sql } from './sql.ts'

/** SQL files of one owner, applied in the order of their names: `0001-stock.sql`, … */
export interface MigrationFolder {
  /** Recorded before the file name, as in `inventory/0001-stock.sql`. */
  name: string
  url: URL
}

/** Advisory lock of migrations: "migr" in ASCII. The second key is the schema's, so services don't wait. */
const LOCK = 0x6d696772
/** Building an index on a large table takes long, and whoever starts beside us waits for it; a day is a mistake. */
const STATEMENT_MAX_MS = 6 * 60 * 60_000

/**
 * Applies what is missing, each file in its own transaction. Any number of processes may start at once: each file
 * is applied once. Throws when an applied file has changed since. Returns the names applied now.
 */
export async function migrate(database: Database, folders: readonly MigrationFolder[]): Promise<string[]> {
  const files = (await Promise.all(folders.map(readFolder))).flat()
  const known = await appliedChecksums(database)
  const applied: string[] = []
  for (const file of files) {
    const checksum = known.get(file.name)
    if (checksum !== undefined) assertUnchanged(file, checksum)
    else if (await apply(database, file)) applied.push(file.name)
  }
  return applied
}

interface MigrationFile {
  name: string
  text: string
  checksum: string
}

async function readFolder(folder: MigrationFolder): Promise<MigrationFile[]> {
  // Without the final slash a URL resolves names beside the folder, not in it.
  const base = new URL(folder.url.href.endsWith('/') ? folder.url : `${folder.url.href}/`)
  const names = (await readdir(base)).filter(name => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async name => {
      const text = await readFile(new URL(encodeURIComponent(name), base), 'utf8')
      // Git on Windows may check the file out with other line ends; that is no change.
      const checksum = createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
      return { name: `${folder.name}/${name}`, text, checksum }
    }),
  )
}

async function appliedChecksums(database: Database): Promise<Map<string, string>> {
  const [table] = await database.query<{ found: string | null }>(
    `select to_regclass(quote_ident(current_schema) || '.migration') as found`,
    [],
  )
  if (!table?.found) return new Map()
  const rows = await database.query<{ name: string; checksum: string }>(
    'select name, checksum from migration',
    [],
  )
  return new Map(rows.map(row => [row.name, row.checksum]))
}

async function apply(database: Database, file: MigrationFile): Promise<boolean> {
  return database.transaction(sql => applyIn(sql, file), { longStatementsMs: STATEMENT_MAX_MS })
}

async function applyIn(sql: Sql, file: MigrationFile): Promise<boolean> {
  // Held until commit.
  await sql.query('select pg_advisory_xact_lock($1, hashtext(current_schema))', [LOCK])
  await sql.query(`create table if not exists migration (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`)
  const [known] = await sql.query<{ checksum: string }>('select checksum from migration where name = $1', [
    file.name,
  ])
  if (known) {
    assertUnchanged(file, known.checksum)
    return false
  }
  try {
    await sql.query(file.text)
  } catch (cause) {
    throw new Error(`migration ${file.name} failed: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    })
  }
  await sql.query('insert into migration (name, checksum) values ($1, $2)', [file.name, file.checksum])
  return true
}

function assertUnchanged(file: MigrationFile, applied: string): void {
  if (file.checksum === applied) return
  throw new Error(
    `migration ${file.name} was changed after it was applied to this database: ` +
      'restore the file and put the change into a new one',
  )
}

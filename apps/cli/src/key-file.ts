import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Connection, UsageError } from './api.ts'

const DEFAULT_URL = 'http://localhost:3000'

/** Environment variables win over the key file; a saved key goes to no other store than the one it is of. */
export async function connectionFrom(
  env: Readonly<Record<string, string | undefined>>,
  keyFile: string,
): Promise<Connection> {
  const saved = await readKeyFile(keyFile)
  const url = trimmed(env.STOREWRIGHT_URL) ?? saved?.url ?? DEFAULT_URL
  if (env.STOREWRIGHT_API_KEY) return { url, apiKey: env.STOREWRIGHT_API_KEY }
  if (saved && saved.url !== url)
    throw new UsageError(
      `The saved key is for ${saved.url}, not for ${url}. Log in there, or set STOREWRIGHT_API_KEY.`,
    )
  return { url, apiKey: saved?.apiKey }
}

/** Where a link leads and its token; a bare token is for the store of STOREWRIGHT_URL. */
export function parseAdminLink(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): { url: string; token: string } {
  if (!URL.canParse(text)) return { url: trimmed(env.STOREWRIGHT_URL) ?? DEFAULT_URL, token: text }
  const link = new URL(text)
  const token = link.searchParams.get('token')
  if (!token || !/^https?:$/.test(link.protocol))
    throw new UsageError('This is not an admin link: it should look like http://…/admin/welcome?token=…')
  return { url: link.origin, token }
}

export async function writeKeyFile(path: string, key: { url: string; apiKey: string }): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(key, null, 2)}\n`, { mode: 0o600 })
  await chmod(path, 0o600) // `mode` above is only for a file that did not exist
}

async function readKeyFile(path: string): Promise<{ url: string; apiKey: string } | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const { url, apiKey } = JSON.parse(text) as Record<string, unknown>
    if (typeof url === 'string' && typeof apiKey === 'string') return { url, apiKey }
  } catch {} // the same message for unreadable JSON and for missing fields
  throw new UsageError(`${path} is not a key file. Remove it and log in again.`)
}

function trimmed(url: string | undefined): string | undefined {
  return url ? url.replace(/\/+$/, '') : undefined
}

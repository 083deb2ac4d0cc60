import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Secrets {
  /** Newest first: the first signs, all verify. */
  readonly signing: readonly [string, ...string[]]
  /** Database password by service, for the roles that the platform makes. */
  passwordOf(service: string): string
}

interface SecretsFile {
  signing: string
  passwords: Record<string, string>
}

/**
 * The installation's secrets: `STOREWRIGHT_SECRET` (several by comma, newest first) or made on first start and kept
 * in the data folder, readable by its owner only.
 */
export function loadSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>>): Secrets {
  const path = join(dataDir, 'secrets.json')
  const known = read(path)
  const file = known ?? { signing: randomBytes(32).toString('base64url'), passwords: {} }
  const save = () => {
    mkdirSync(dataDir, { recursive: true })
    // Aside and renamed: a power cut in between must not leave half a file in place of every key of the shop.
    const draft = `${path}.${process.pid}`
    writeFileSync(draft, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flush: true })
    renameSync(draft, path)
  }
  if (!known) save()
  const given = env.STOREWRIGHT_SECRET?.split(',')
    .map(secret => secret.trim())
    .filter(Boolean)
  if (given?.some(secret => secret.length < 32))
    throw new Error('STOREWRIGHT_SECRET must have at least 32 characters')
  const [first = file.signing, ...rest] = given ?? []
  return {
    signing: [first, ...rest],
    passwordOf(service) {
      const known = file.passwords[service]
      if (known) return known
      const made = randomBytes(24).toString('base64url')
      file.passwords[service] = made
      save()
      return made
    },
  }
}

function read(path: string): SecretsFile | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as SecretsFile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`${path} cannot be read; restore it, or move it away to begin anew`, { cause: error })
  }
}

/** House rules that no linter knows: lengths, names, leftovers, addresses of somebody's machine, READMEs. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ROOT, repositoryFiles } from './run-tool.ts'

export interface Untidiness {
  readonly file: string
  readonly fault: string
}

/** Past this a file is two files. */
const MAX_FILE_LINES = 400
/** Longer, and nobody reads it before changing the service. */
const MAX_README_LINES = 40

const CODE = /\.(ts|tsx|js|mjs|cjs|astro|css|sql)$/
const BINARY = /\.(avif|jpe?g|png|webp|ico|woff2?|gz|zip|pdf)$/
/** Names that say where code was put, not what it does: everything ends up there. */
const NAMELESS = /^(utils?|helpers?|common|shared|misc|types|index)$/
/** `[slug].astro` is Astro's way to name a parameter. */
const KEBAB = /^\[?\.?[a-z0-9]+(-[a-z0-9]+)*\]?(\.[a-z0-9]+(-[a-z0-9]+)*)*$/
const FRAMEWORK_INDEX = /^apps\/storefront\/src\/pages\/(.*\/)?index\.astro$/
/** In parts, so that this file may be read by its own rule. The last is also a currency: in comments only. */
const LEFTOVER = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b|(?<=(//|\\*|#|--).*)\\bX{3}\\b`)
/** Folders of persons and of build machines, as they stand in pasted output. */
const MACHINE_PATH = new RegExp(`(?<![\\w.$}])/(${['ho' + 'me', 'Us' + 'ers', 'wo' + 'rk'].join('|')})/[a-z]`)
/** A lockfile or an .npmrc that names a host installs on one network only. */
const REGISTRY = /"resolved":\s*"https?:|(^|\n)\s*(@[\w-]+:)?registry\s*=|_authToken/

/** Faults of one file; `text` is undefined for what is not text. */
export function faultsOf(file: string, text: string | undefined): string[] {
  const faults: string[] = []
  const code = CODE.test(file)
  if (code) faults.push(...nameFaults(file))
  if (text === undefined) return faults
  const lines = lineCount(text)
  if (code && lines > MAX_FILE_LINES) faults.push(`${lines} lines; ${MAX_FILE_LINES} at most`)
  if (code && LEFTOVER.test(text)) faults.push(`leftover "${LEFTOVER.exec(text)?.[0]}"`)
  const path = MACHINE_PATH.exec(text)
  if (path) faults.push(`names a path of one machine (line ${lineCount(text.slice(0, path.index + 1))})`)
  if (REGISTRY.test(text) && /(^|\/)(package-lock\.json|\.npmrc)$/.test(file)) faults.push('names a registry')
  if (/^(services|sandboxes)\/[^/]+\/README\.md$/.test(file) && lines > MAX_README_LINES)
    faults.push(`${lines} lines; ${MAX_README_LINES} at most`)
  return faults
}

function nameFaults(file: string): string[] {
  const faults: string[] = []
  const parts = file.split('/')
  const crooked = parts.find(part => !KEBAB.test(part))
  if (crooked) faults.push(`"${crooked}" is not kebab-case`)
  const nameless = parts.map(part => part.replace(/\..*$/, '')).find(part => NAMELESS.test(part))
  if (nameless && !FRAMEWORK_INDEX.test(file)) faults.push(`"${nameless}" says nothing about what is in it`)
  return faults
}

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

/** Every service and sandbox introduces itself. */
export function missingReadmes(files: readonly string[]): Untidiness[] {
  const present = new Set(files)
  const folders = new Set(
    files.flatMap(file => /^((services|sandboxes)\/[^/]+)\/src\//.exec(file)?.[1] ?? []),
  )
  return [...folders].flatMap(folder => {
    const file = `${folder}/README.md`
    return present.has(file) ? [] : [{ file, fault: 'is missing' }]
  })
}

export async function untidiness(root: string = ROOT): Promise<Untidiness[]> {
  const files = (await repositoryFiles(root)).filter(file => existsSync(join(root, file)))
  const faults = files.flatMap(file => {
    const text = BINARY.test(basename(file)) ? undefined : readFileSync(join(root, file), 'utf8')
    return faultsOf(file, text).map(fault => ({ file, fault }))
  })
  return [...faults, ...missingReadmes(files)]
}

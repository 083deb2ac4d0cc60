import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { seconds } from './run-tool.ts'

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const PLACES = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']
const FONT_FOLDERS = ['/usr/share/fonts', '/usr/local/share/fonts']
const STILL_MS = 10_000

/** Where a Chromium is on this machine: `CHROMIUM_PATH`, or one of the usual names on the PATH. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.CHROMIUM_PATH) return existsSync(env.CHROMIUM_PATH) ? env.CHROMIUM_PATH : undefined
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean)
  const candidates = [...folders.flatMap(folder => BROWSERS.map(name => join(folder, name))), ...PLACES]
  return candidates.find(path => existsSync(path))
}

/**
 * Makes a Chromium and a font available: installs both as root on Debian or Ubuntu, elsewhere says what is needed.
 * Pages in a Chromium without fonts have no height.
 */
export async function ensureBrowser(say: (line: string) => void): Promise<void> {
  const missing = [...(findChromium() ? [] : ['chromium']), ...(hasFonts() ? [] : ['fonts-liberation'])]
  if (missing.length === 0) return
  const debian = process.platform === 'linux' && existsSync('/usr/bin/apt-get')
  if (!debian || process.getuid?.() !== 0)
    throw new Error(
      `The tests in a browser need ${missing.join(' and ')}. ${
        debian
          ? `Install with: sudo apt-get install ${missing.join(' ')}`
          : 'Install Chromium or Chrome, or name one in CHROMIUM_PATH.'
      }`,
    )
  await aptGet(['update', '-qq'], say)
  await aptGet(['install', '-y', '-qq', '--no-install-recommends', ...missing], say)
  if (!findChromium()) throw new Error('apt-get installed chromium, but it is not on the PATH')
}

/** Looks itself: `fc-list` is in a package that Chromium does without. */
function hasFonts(): boolean {
  if (process.platform !== 'linux') return true
  return FONT_FOLDERS.some(
    folder =>
      existsSync(folder) &&
      readdirSync(folder, { recursive: true }).some(name => /\.(ttf|otf|ttc)$/.test(String(name))),
  )
}

async function aptGet(args: readonly string[], say: (line: string) => void): Promise<void> {
  const command = `apt-get ${args.filter(arg => !arg.startsWith('-')).join(' ')}`
  say(`${command} ...`)
  const startedAt = performance.now()
  const time = () => seconds(performance.now() - startedAt)
  const still = setInterval(() => say(`  ${time()} so far`), STILL_MS)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const child = spawn('apt-get', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
  })
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output.slice(-4000)}`)
    say(`  done in ${time()}`)
  } finally {
    clearInterval(still)
  }
}

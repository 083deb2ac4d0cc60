import { existsSync } from 'node:fs'
import { afterEach } from 'node:test'
import {
  type Browser,
  type BrowserContext,
  type ConsoleMessage,
  chromium,
  type Page,
  type Request,
} from 'playwright-core'

/** Debian's package; `scripts/test.ts` passes what it found elsewhere. */
const EXECUTABLE = process.env.CHROMIUM_PATH || '/usr/bin/chromium'

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const SCREENS = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } } as const
export type Screen = keyof typeof SCREENS

/** A page of a shop on this machine answers in milliseconds; more is a fault, not patience. */
const ACTION_TIMEOUT_MS = 15_000

export interface VisitOptions {
  readonly screen?: Screen
  readonly scripts?: boolean
  readonly scheme?: 'light' | 'dark'
  readonly reducedMotion?: 'reduce' | 'no-preference'
}

/** A fresh browser profile with one page. Whatever goes wrong in it fails the test that it goes wrong in. */
export interface Visit extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** Console errors, refused content, failed requests and dialogs so far. */
  readonly faults: readonly string[]
  /** Throws what went wrong. */
  close(): Promise<void>
}

export async function launchBrowser(): Promise<Browser> {
  if (!existsSync(EXECUTABLE))
    throw new Error(
      `No Chromium at ${EXECUTABLE}. Install it (Debian, Ubuntu: apt-get install chromium fonts-liberation) or name one in CHROMIUM_PATH.`,
    )
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
}

export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const { screen = 'desktop', scripts = true, scheme = 'light', reducedMotion = 'no-preference' } = options
  const context = await browser.newContext({
    viewport: SCREENS[screen],
    ...(screen === 'phone' && { isMobile: true, hasTouch: true }),
    javaScriptEnabled: scripts,
    colorScheme: scheme,
    reducedMotion,
  })
  context.setDefaultTimeout(ACTION_TIMEOUT_MS)
  const faults: string[] = []
  context.on('console', message => {
    if (isFault(message)) faults.push(`console: ${message.text()} (${message.location().url})`)
  })
  // The shop opens none: it would be text that was run as a script.
  context.on('dialog', dialog => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('weberror', error => faults.push(`script: ${error.error().message}`))
  context.on('requestfailed', request => {
    if (!wasGivenUp(request)) faults.push(`request: ${request.url()} ${request.failure()?.errorText}`)
  })
  context.on('response', response => {
    const request = response.request()
    if (response.status() >= 400 && !request.isNavigationRequest())
      faults.push(`answer: ${response.status()} ${request.method()} ${request.url()}`)
  })
  const close = async () => {
    await context.close()
    if (faults.length > 0) throw complaint(faults)
  }
  const dispose = async () => {
    await context.close()
    unreported.push(...faults)
  }
  const page = await context.newPage()
  return { page, context, faults, close, [Symbol.asyncDispose]: dispose }
}

function complaint(faults: readonly string[]): Error {
  return new Error(`The browser complained:\n  ${faults.join('\n  ')}`)
}

/** An error thrown while disposing would hide the one that ended the test: node:test prints only the outer one. */
const unreported: string[] = []
afterEach(() => {
  const faults = unreported.splice(0)
  if (faults.length > 0) throw complaint(faults)
})

/** Chromium reports a page that is refused on purpose (404, 409) as a console error too; tests look at its status. */
function isFault(message: ConsoleMessage): boolean {
  if (message.type() !== 'error' && !/Content Security Policy/.test(message.text())) return false
  return !(
    message.text().startsWith('Failed to load resource') && message.page()?.url() === message.location().url
  )
}

/** Leaving a page gives up what it still loads, and typing again gives up the question before. */
function wasGivenUp(request: Request): boolean {
  return request.failure()?.errorText === 'net::ERR_ABORTED'
}

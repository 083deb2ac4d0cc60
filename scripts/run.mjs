/**
 * node scripts/run.mjs [--quiet] <file.ts> [arguments]
 *
 * Runs a TypeScript file of this repository on its own Node, whatever Node the machine has, after making sure that
 * everything is installed and built.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root, SetupFailed, setup } from './setup.mjs'

/** Who serves or visits pages; the rest should not wait for a build. */
const NEEDS_STOREFRONT = /^(apps\/platform|tests|bench|scripts\/test\.)/

/** Notices a parent that is gone soon enough for whoever stopped it to see the shop close. */
const PARENT_POLL_MS = 500

const args = process.argv.slice(2)
const quiet = args[0] === '--quiet'
if (quiet) args.shift()
const [file, ...rest] = args
if (!file) {
  process.stderr.write('usage: node scripts/run.mjs [--quiet] <file.ts> [arguments]\n')
  process.exit(2)
}

try {
  const { node, path } = await setup({ quiet, storefront: NEEDS_STOREFRONT.test(file.replaceAll('\\', '/')) })
  run(node, path)
} catch (error) {
  process.stderr.write(`${error instanceof SetupFailed ? error.message : error.stack}\n`)
  process.exitCode = 1
}

function run(node, path) {
  const child = spawn(node, [join(root, file), ...rest], {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: path,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, '.cache', 'compile'),
    },
  })
  // A terminal sends Ctrl-C and its own end to the whole group, so the child has them already; npm passes them on to
  // us once more. A second one would mean "now, without saving" to the child.
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  const forwarded = new Set()
  let told = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      told = true
      if (forwarded.has(signal) || (terminal && signal !== 'SIGTERM')) return
      forwarded.add(signal)
      child.kill(signal)
    })
  }
  whenOrphaned(() => {
    if (!told) child.kill('SIGTERM')
  })
  child.once('error', error => {
    process.stderr.write(`cannot run ${node}: ${error.message}\n`)
    process.exitCode = 1
  })
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    // Ends as the child did, so that a shell sees the same.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/**
 * npm starts us through a shell and hands `kill <npm>` to that shell, which dies of it without a word to us: the shop
 * would go on with nobody to stop it. Without npm our parent may well end before us, as after `nohup … &`.
 */
function whenOrphaned(then) {
  if (!process.env.npm_lifecycle_event) return
  const parent = process.ppid
  const poll = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(poll)
    then()
  }, PARENT_POLL_MS)
  poll.unref()
}

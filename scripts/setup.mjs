/**
 * Makes the checkout ready to run: its own Node, the dependencies, the built storefront. Runs on the machine's Node
 * (20 or later) without any dependency, decides by content hashes, and costs a few milliseconds when nothing changed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const runtimeFolder = join(root, 'scripts', 'runtime')
const storefront = join(root, 'apps', 'storefront')
const exe = process.platform === 'win32' ? '.exe' : ''

/** A silent minute looks like a hang. */
const STILL_MS = 10_000
/** Of a failed command: enough to see the reason, not its whole life. */
const TAIL_LINES = 30
const LOCK_POLL_MS = 250

/** @param {{ quiet?: boolean, storefront?: boolean }} options @returns {Promise<{ node: string, path: string }>} */
export async function setup(options = {}) {
  const runtime = pinnedRuntime()
  const wanted = () => ({
    runtime: !runtimeReady(runtime),
    install: readStamp(join(root, 'node_modules')) !== dependenciesHash(),
    build:
      Boolean(options.storefront) &&
      storefrontExists() &&
      readStamp(join(storefront, 'dist')) !== storefrontHash(),
  })
  if (Object.values(wanted()).some(Boolean)) {
    const release = await takeLock()
    try {
      const todo = wanted() // another process may have done it while we waited
      if (todo.runtime) await installRuntime(runtime, options)
      if (todo.install) await installDependencies(runtime, options)
      if (options.storefront && storefrontExists()) {
        const hash = storefrontHash()
        if (readStamp(join(storefront, 'dist')) !== hash) await buildStorefront(runtime, hash, options)
      }
    } finally {
      release()
    }
  }
  return { node: runtime.node, path: pathWith(runtime) }
}

/** What went wrong, for people; `run.mjs` prints it without a stack. */
export class SetupFailed extends Error {}

// --- the runtime ---------------------------------------------------------------------------------------------------

function pinnedRuntime() {
  const { optionalDependencies } = readJson(join(runtimeFolder, 'package.json'))
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const name = Object.keys(optionalDependencies).find(key => key.endsWith(`-${platform}-${process.arch}`))
  const version = Object.values(optionalDependencies)[0]
  process.report.excludeNetwork = true // it would look up names of interfaces, which takes seconds on some networks
  // The packages hold binaries for glibc; on Alpine they would not start.
  const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime
  if (name && !musl) {
    const folder = join(runtimeFolder, 'node_modules', name)
    return { name, version, folder, node: join(folder, 'bin', `node${exe}`) }
  }
  if (Number(process.versions.node.split('.')[0]) >= Number(version.split('.')[0]))
    return { name: undefined, version, folder: undefined, node: process.execPath }
  throw new SetupFailed(
    `There is no packaged Node ${version} for ${process.platform}-${process.arch}${musl ? ' (musl)' : ''}.\n` +
      `Install Node ${version.split('.')[0]} or later yourself and run this again with it.`,
  )
}

function runtimeReady({ name, version, folder, node }) {
  if (!name) return true
  try {
    return readJson(join(folder, 'package.json')).version === version && fs.existsSync(node)
  } catch {
    return false
  }
}

async function installRuntime(runtime, options) {
  await step(`Installing Node ${runtime.version} into scripts/runtime`, options, {
    command: process.execPath,
    // Without saving: an npm of another version would rewrite the lockfile in its own style.
    args: [npmCli(), 'install', '--no-save', '--no-workspaces', '--prefix', runtimeFolder, ...NPM_FLAGS],
    cwd: runtimeFolder,
    env: process.env,
  })
  const { status, stdout } = spawnSync(runtime.node, ['--version'], { encoding: 'utf8' })
  if (status !== 0 || stdout.trim() !== `v${runtime.version}`)
    throw new SetupFailed(
      `Node ${runtime.version} was installed, but ${relative(root, runtime.node)} does not start on this machine.\n` +
        'Was npm told to leave out optional dependencies (npm config get omit)?',
    )
}

// --- the dependencies ----------------------------------------------------------------------------------------------

/** Everything is included, whatever NODE_ENV or the user's npm settings say: "installed" must mean one thing. */
const NPM_FLAGS = [
  '--loglevel=error',
  '--no-fund',
  '--no-audit',
  '--no-progress',
  '--include=dev',
  '--include=optional',
]

async function installDependencies(runtime, options) {
  const hash = dependenciesHash()
  // By the pinned Node, so that engine checks see what will really run. Not `npm ci`: it refuses a lockfile that was
  // made where some platform's packages could not be had.
  await step('Installing the dependencies', options, {
    command: runtime.node,
    args: [npmCli(), 'install', '--no-save', ...NPM_FLAGS],
    cwd: root,
    env: { ...process.env, PATH: pathWith(runtime) },
  })
  writeStamp(join(root, 'node_modules'), hash)
}

function dependenciesHash() {
  const { workspaces } = readJson(join(root, 'package.json'))
  const folders = workspaces.flatMap(pattern => {
    if (!pattern.endsWith('/*')) return [pattern]
    const parent = join(root, pattern.slice(0, -2))
    return fs.existsSync(parent) ? fs.readdirSync(parent).map(name => `${pattern.slice(0, -2)}/${name}`) : []
  })
  const files = [
    'package.json',
    'package-lock.json',
    ...folders.sort().map(folder => `${folder}/package.json`),
  ]
  return hashFiles(files.map(file => join(root, file)).filter(file => fs.existsSync(file)))
}

/** npm's own file: npm tells it to its scripts; a direct `node scripts/run.mjs` has to look for it. */
function npmCli() {
  const bin = dirname(process.execPath)
  const onPath = (process.env.PATH ?? '').split(delimiter).map(folder => {
    try {
      return fs.realpathSync(join(folder, 'npm'))
    } catch {
      return ''
    }
  })
  const candidates = [
    process.env.npm_execpath ?? '',
    join(bin, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(bin, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ...onPath,
  ]
  const found = candidates.find(file => basename(file) === 'npm-cli.js' && fs.existsSync(file))
  if (found) return found
  throw new SetupFailed(
    'npm was not found beside this Node or on the PATH: install npm, or start with `npm start`.',
  )
}

// --- the storefront ------------------------------------------------------------------------------------------------

function storefrontExists() {
  return ['astro.config.ts', 'astro.config.mjs'].some(name => fs.existsSync(join(storefront, name)))
}

async function buildStorefront(runtime, hash, options) {
  const cli = join(root, 'node_modules', 'astro')
  const { bin } = readJson(join(cli, 'package.json'))
  await step('Building the storefront', options, {
    command: runtime.node,
    args: [join(cli, typeof bin === 'string' ? bin : bin.astro), 'build'],
    cwd: storefront,
    env: { ...process.env, PATH: pathWith(runtime), ASTRO_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  })
  writeStamp(join(storefront, 'dist'), hash)
}

/** The bundle holds the storefront's own files and those of the workspaces that it depends on. */
function storefrontHash() {
  const { dependencies = {} } = readJson(join(storefront, 'package.json'))
  const inner = Object.keys(dependencies)
    .filter(name => name.startsWith('@storewright/'))
    .map(name => join(root, 'node_modules', name, 'src'))
  const files = [storefront, ...inner].filter(folder => fs.existsSync(folder)).flatMap(sources)
  return hashFiles([join(root, 'package-lock.json'), ...files])
}

function sources(folder) {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      if (['dist', 'node_modules'].includes(entry.name) || entry.name.startsWith('.')) return []
      if (/\.test\.tsx?$/.test(entry.name)) return []
      const path = join(folder, entry.name)
      return entry.isDirectory() ? sources(path) : [path]
    })
}

// --- how -----------------------------------------------------------------------------------------------------------

async function step(title, { quiet }, { command, args, cwd, env }) {
  const started = Date.now()
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`
  // To stderr: what a program prints on stdout is its own.
  process.stderr.write(`${title} ...\n`)
  const still = quiet
    ? undefined
    : setInterval(() => process.stderr.write(`  ${seconds()} so far\n`), STILL_MS)
  const output = []
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', chunk => output.push(chunk))
    child.stderr.on('data', chunk => output.push(chunk))
    child.once('error', reject)
    child.once('close', (status, signal) => resolve(status ?? signal))
  }).finally(() => clearInterval(still))
  if (code === 0) {
    if (!quiet) process.stderr.write(`  done in ${seconds()}\n`)
    return
  }
  const tail = Buffer.concat(output).toString().trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  throw new SetupFailed(
    `${title} failed (${code}) after ${seconds()}:\n\n${tail}\n\nFix the cause and run it again.`,
  )
}

/** Two installs into one folder at the same time would spoil it; a killed one's lock does not block. */
async function takeLock() {
  const path = join(root, '.cache', 'setup.lock')
  fs.mkdirSync(dirname(path), { recursive: true })
  for (let told = false; ; ) {
    try {
      fs.writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => fs.rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readText(path))
    if (holder > 0 && !isAlive(holder)) {
      fs.rmSync(path, { force: true })
      continue
    }
    if (!told) process.stderr.write(`Waiting for the setup that process ${holder || '?'} does ...\n`)
    told = true
    await new Promise(resolve => setTimeout(resolve, LOCK_POLL_MS))
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function pathWith({ node }) {
  return [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter)
}

function hashFiles(files) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`)
  for (const file of files) hash.update(`\0${relative(root, file)}\0`).update(fs.readFileSync(file))
  return hash.digest('hex')
}

function readStamp(folder) {
  return readText(join(folder, '.storewright-stamp'))
}

function writeStamp(folder, hash) {
  fs.writeFileSync(join(folder, '.storewright-stamp'), hash)
}

function readText(path) {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readJson(path) {
  return JSON.parse(fs.readFileSync(path, 'utf8'))
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  setup({ storefront: true }).catch(error => {
    process.stderr.write(`${error instanceof SetupFailed ? error.message : error.stack}\n`)
    process.exitCode = 1
  })
}

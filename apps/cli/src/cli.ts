import { parseArgs } from 'node:util'
import { storeContract } from '@storewright/gateway/store-contract'
import { ApiProblem, callOperation, UsageError } from './api.ts'
import { type Command, commands, type Shown } from './commands.ts'
import { connectionFrom, parseAdminLink, writeKeyFile } from './key-file.ts'
import { printable } from './table.ts'

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly keyFile: string
  out(text: string): void
  err(text: string): void
}

/** Runs one command line; answers the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const [first = 'help', second = ''] = args
    if (first === 'help' || args.includes('--help') || args.includes('-h')) {
      terminal.out(HELP)
      return 0
    }
    if (first === 'login') return await login(args.slice(1), terminal)
    const command = commands[`${first} ${second}`]
    if (!command) throw new UsageError(`There is no command "${[first, second].join(' ').trim()}". Try: help`)
    return await runCommand(command, args.slice(2), terminal)
  } catch (error) {
    terminal.err(explain(error))
    return 1
  }
}

async function runCommand(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const { words, options, isJson } = parse(command, args)
  const connection = await connectionFrom(terminal.env, terminal.keyFile)
  if (!connection.apiKey)
    throw new UsageError(
      'There is no API key. Run: npm run cli -- login <the admin link that the store printed>\nor set STOREWRIGHT_API_KEY.',
    )
  show(await command.run(connection, words, options), isJson, terminal)
  return 0
}

function show(shown: Shown, isJson: boolean, terminal: Terminal): void {
  if (isJson) terminal.out(JSON.stringify(shown.json, null, 2))
  else {
    terminal.out(shown.text)
    if (shown.more) terminal.err(`There are more: --cursor ${shown.more}`)
  }
}

async function login(args: readonly string[], terminal: Terminal): Promise<number> {
  const [link, ...rest] = args
  if (!link || rest.length > 0) throw new UsageError(`Usage: ${LOGIN_USAGE}`)
  const { url, token } = parseAdminLink(link, terminal.env)
  const { apiKey, apiKeyId } = await callOperation({ url }, storeContract.auth.claimAdminLink, { token })
  try {
    await writeKeyFile(terminal.keyFile, { url, apiKey })
  } catch (error) {
    // The link is used up by now: a key that cannot be kept must at least be seen.
    terminal.out(`export STOREWRIGHT_URL=${url}\nexport STOREWRIGHT_API_KEY=${apiKey}`)
    throw new UsageError(`The key could not be saved to ${terminal.keyFile}; it is shown above, only now.`, {
      cause: error,
    })
  }
  terminal.out(`Logged in to ${url} with ${apiKeyId}; the key is in ${terminal.keyFile}`)
  return 0
}

function parse(command: Command, args: readonly string[]) {
  // parseArgs takes "-1" for an option; in "stock adjust … -1" it is a number.
  const marked = args.map(arg => (/^-\d/.test(arg) ? `\0${arg}` : arg))
  const names = command.options ?? []
  const known = Object.fromEntries(names.map(name => [name, { type: 'string' as const }]))
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({
      args: marked,
      options: { ...known, json: { type: 'boolean' } },
      allowPositionals: true,
    })
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\nUsage: ${command.usage}`)
  }
  const { json, ...values } = parsed.values
  const words = parsed.positionals.map(word => word.replace(/^\0/, ''))
  if (words.length !== command.words) throw new UsageError(`Usage: ${command.usage}`)
  const options = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(value).replace(/^\0/, '')]),
  )
  return { words, options, isJson: json === true }
}

function explain(error: unknown): string {
  if (error instanceof ApiProblem) {
    const { title, detail, errors = [], traceId } = error.problem
    const fields = errors.map(({ field, message }) => `  ${printable(field)}: ${printable(message)}`)
    return [`${printable(title)}: ${printable(detail)}`, ...fields, `  trace ${traceId}`].join('\n')
  }
  if (error instanceof UsageError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const LOGIN_USAGE = 'login <one-time admin link or token>'

const HELP = [
  'Run the store from a terminal. Add --json for programs.',
  '',
  `  ${LOGIN_USAGE}`,
  '      Use the admin link that the store printed; the key is kept in .data/cli-key.json',
  ...Object.values(commands).flatMap(({ usage, summary }) => [`  ${usage}`, `      ${summary}`]),
  '',
  'STOREWRIGHT_URL and STOREWRIGHT_API_KEY win over the saved key.',
].join('\n')

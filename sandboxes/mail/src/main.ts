import { parseArgs } from 'node:util'
import { startMailSandbox } from './sandbox.ts'

const { values } = parseArgs({
  options: {
    'smtp-port': { type: 'string', default: process.env.MAIL_SMTP_PORT ?? '1025' },
    'http-port': { type: 'string', default: process.env.MAIL_HTTP_PORT ?? '8025' },
    dir: { type: 'string', default: process.env.MAIL_DIR ?? 'data/mail' },
  },
})

const sandbox = await startMailSandbox({
  smtpPort: port(values['smtp-port']),
  httpPort: port(values['http-port']),
  dir: values.dir,
})
process.stdout.write(`${JSON.stringify({ smtpPort: sandbox.smtpPort, httpPort: sandbox.httpPort })}\n`)

let stopping = false
const stop = () => {
  if (stopping) return
  stopping = true
  sandbox.stop().then(
    () => process.exit(0),
    error => {
      console.error(error)
      process.exit(1)
    },
  )
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
// The parent holds our stdin open; when it dies, however it dies, this ends too.
process.stdin.on('end', stop).on('close', stop).on('error', stop).resume()

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new RangeError(`${text} is not a port`)
  return value
}

import { parseArgs } from 'node:util'
import { startStripeSandbox } from './sandbox.ts'

const { env } = process
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: env.STRIPE_SANDBOX_PORT ?? '12111' },
    dir: { type: 'string', default: env.STRIPE_SANDBOX_DIR ?? 'data/stripe' },
    'secret-key': { type: 'string', default: env.STRIPE_SECRET_KEY ?? 'sk_test_sandbox' },
    'webhook-url': { type: 'string', default: env.STRIPE_WEBHOOK_URL ?? '' },
    'webhook-secret': { type: 'string', default: env.STRIPE_WEBHOOK_SECRET ?? '' },
    'public-url': { type: 'string', default: env.STRIPE_SANDBOX_PUBLIC_URL ?? '' },
  },
})

const sandbox = await startStripeSandbox({
  port: port(values.port),
  dir: values.dir,
  secretKey: values['secret-key'],
  webhookUrl: values['webhook-url'] || undefined,
  webhookSecret: values['webhook-secret'] || undefined,
  publicUrl: values['public-url'] || undefined,
})
process.stdout.write(`${JSON.stringify({ port: sandbox.port })}\n`)

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

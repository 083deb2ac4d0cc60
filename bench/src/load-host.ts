import type { CallMessage, ReplyMessage } from './load-process.ts'

/** The other side of load-process.ts: runs the functions of the module it is given. */
const module = await import(process.argv[2] ?? '')

process.on('message', async message => {
  const { id, name, args } = message as CallMessage
  const reply = (answer: ReplyMessage) => process.send?.(answer)
  try {
    reply({ id, result: await module[name](...args) })
  } catch (error) {
    reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
process.on('disconnect', () => process.exit(0))

import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Never written, wherever they stand in a logged object. */
const SECRET_PATHS = [
  'authorization',
  'cookie',
  'token',
  'trackingToken',
  'trackingUrl',
  'apiKey',
  'password',
  'secret',
].flatMap(name => [name, `*.${name}`, `*.*.${name}`])

/** Where errors quote what they failed on: Postgres whole rows with names and addresses, others their input. */
const QUOTING_PATHS = ['detail', 'where', 'data'].flatMap(name => [
  `err.${name}`,
  `err.aggregateErrors[*].${name}`,
])

/** Structured logs, one JSON object a line; `traceId` ties the lines of one request together. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: [...SECRET_PATHS, ...QUOTING_PATHS], censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}

import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Never written, wherever they stand in a logged object. */
const SECRET_PATHS = ['authorization', 'cookie', 'token', 'apiKey', 'password', 'secret'].flatMap(name => [
  name,
  `*.${name}`,
  `*.*.${name}`,
])

/** Structured logs, one JSON object a line; `traceId` ties the lines of one request together. */
export function createLogger(options: { level: string; destination?: DestinationStream }): Logger {
  const settings = {
    level: options.level,
    base: null,
    redact: { paths: SECRET_PATHS, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}

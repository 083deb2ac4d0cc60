import type { Log } from '@storewright/postgres/log'
import type { Logger } from '@storewright/rpc/log'

/** The database package says one line at a time; pino's methods take more, and need their object. */
export function lines(log: Logger): Log {
  return {
    info: line => log.info(line),
    warn: line => log.warn(line),
    error: line => log.error(line),
  }
}

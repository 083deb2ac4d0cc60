import { openSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger, type Logger } from '@storewright/rpc/log'
import { pino } from 'pino'
import type { PlatformConfig } from './config.ts'

/** In production JSON lines to standard output; otherwise to a file, so that the terminal keeps its few lines. */
export function openLog(config: PlatformConfig): Logger {
  if (config.production) return createLogger({ level: config.logLevel })
  // Opened here: a stream that is still opening its file throws when the process ends early, over the reason it ends for.
  const fd = openSync(join(config.dataDir, 'storewright.log'), 'a')
  const file = pino.destination({ dest: fd, sync: false })
  return createLogger({ level: config.logLevel, destination: file })
}

import { join } from 'node:path'
import { createLogger, type Logger } from '@storewright/rpc/log'
import { pino } from 'pino'
import type { PlatformConfig } from './config.ts'

/** In production JSON lines to standard output; otherwise to a file, so that the terminal keeps its few lines. */
export function openLog(config: PlatformConfig): Logger {
  if (config.production) return createLogger({ level: config.logLevel })
  const file = pino.destination({ dest: join(config.dataDir, 'storewright.log'), sync: false, mkdir: true })
  return createLogger({ level: config.logLevel, destination: file })
}

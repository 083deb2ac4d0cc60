/** The part of a logger that this package uses; a pino logger fits. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** For callers that have no logger yet: silence. */
export const SILENT: Log = { info() {}, warn() {}, error() {} }

/** Delays between tries: 200 ms, doubled each time, at most `maxMs`. */
export const RETRY_BASE_MS = 200

export function backoffMs(failures: number, maxMs: number): number {
  return Math.min(RETRY_BASE_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20), maxMs)
}

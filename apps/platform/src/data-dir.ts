import { accessSync, constants, mkdirSync } from 'node:fs'

/** Makes the data folder and asks whether it can be written: one line that says why not, instead of a stack later. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Error(
      `the data folder ${dataDir} cannot be written; mend it or choose another, as in DATA_DIR=/var/lib/shop`,
      { cause },
    )
  }
}

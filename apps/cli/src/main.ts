import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './cli.ts'

const dataDir = process.env.DATA_DIR ?? fileURLToPath(new URL('../../../.data', import.meta.url))

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  keyFile: join(dataDir, 'cli-key.json'),
  out: text => console.log(text),
  err: text => console.error(text),
})

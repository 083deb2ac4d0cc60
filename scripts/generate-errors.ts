import { writeFile } from 'node:fs/promises'
import { errorsMarkdown } from '@storewright/gateway/error-table'

await writeFile(new URL('../docs/errors.md', import.meta.url), errorsMarkdown())

import { fileURLToPath } from 'node:url'
import type { AstroIntegration } from 'astro'

/**
 * A fetch adapter: the built entry exports `handle(request, locals)` and the platform does the HTTP.
 * Not @astrojs/node: it installs a process-wide unhandledRejection listener that would hide the platform's own faults.
 */
export function storewright(): AstroIntegration {
  return {
    name: '@storewright/storefront-adapter',
    hooks: {
      'astro:config:done': ({ setAdapter }) => {
        setAdapter({
          name: '@storewright/storefront-adapter',
          entrypointResolution: 'auto',
          serverEntrypoint: fileURLToPath(new URL('./server.ts', import.meta.url)),
          adapterFeatures: { buildOutput: 'server' },
          supportedAstroFeatures: { serverOutput: 'stable', sharpImageService: 'unsupported' },
        })
      },
    },
  }
}

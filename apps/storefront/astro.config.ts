import { defineConfig, passthroughImageService } from 'astro/config'
import { storewright } from './adapter/integration.ts'

// Astro draws a random key per build to seal the props of server islands. There are none here, and with a fixed key the
// same sources give the same bundle, byte for byte.
process.env.ASTRO_KEY ??= Buffer.alloc(32).toString('base64')

export default defineConfig({
  output: 'server',
  adapter: storewright(),
  trailingSlash: 'ignore',
  // Pictures arrive ready-made from the platform under /media, so no image service runs in a request.
  image: { service: passthroughImageService() },
  // The content security policy is `script-src 'self'; style-src 'self'`: nothing may be inlined.
  build: { inlineStylesheets: 'never', assets: '_astro' },
  // One style sheet of 6 kB for the whole shop: the second page asks for none.
  vite: { build: { assetsInlineLimit: 0, cssCodeSplit: false } },
  security: { checkOrigin: true },
  devToolbar: { enabled: false },
  prefetch: false,
  // Not 'jsx', which would swallow the space before a link that starts a line.
  compressHTML: true,
})

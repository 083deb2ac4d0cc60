import { defineConfig, passthroughImageService } from 'astro/config'
import { storewright } from './adapter/integration.ts'

export default defineConfig({
  output: 'server',
  adapter: storewright(),
  trailingSlash: 'ignore',
  // Pictures arrive ready-made from the platform under /media, so no image service runs in a request.
  image: { service: passthroughImageService() },
  // The content security policy is `script-src 'self'; style-src 'self'`: nothing may be inlined.
  build: { inlineStylesheets: 'never', assets: '_astro' },
  vite: { build: { assetsInlineLimit: 0 } },
  security: { checkOrigin: true },
  devToolbar: { enabled: false },
  prefetch: false,
  // Not 'jsx', which would swallow the space before a link that starts a line.
  compressHTML: true,
})

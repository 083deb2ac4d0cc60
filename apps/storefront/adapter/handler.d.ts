import type { StorefrontLocals } from '../src/locals.ts'

/** Renders one page. Never throws for what a page does: a fault becomes the 500 page. */
export function handle(request: Request, locals: StorefrontLocals): Promise<Response>

/** Static files of the build (`/_astro/*`, `/icon.svg`); `undefined` when there is no such file. */
export function serveAsset(request: Request): Response | undefined

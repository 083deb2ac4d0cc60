const COMMON = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(self), usb=()',
  'cross-origin-opener-policy': 'same-origin',
} as const

/** Two years, the minimum that browsers' preload lists ask for (hstspreload.org). */
const HSTS = { 'strict-transport-security': 'max-age=63072000; includeSubDomains' } as const

/** For HTML pages of the shop: everything from our own origin, nothing inline, in nobody's frame. */
export function securityHeaders(options: {
  https: boolean
  /** Browsers hold the redirect after a sent form to `form-action` too: checkout leads to the payment page. */
  paymentOrigin: string
}): Readonly<Record<string, string>> {
  return {
    ...COMMON,
    ...(options.https ? HSTS : {}),
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      `form-action 'self' ${options.paymentOrigin}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
      ...(options.https ? ['upgrade-insecure-requests'] : []),
    ].join('; '),
  }
}

/** For API answers: data that is never a document, never cached, never framed. */
export function apiHeaders(options: { https: boolean }): Readonly<Record<string, string>> {
  return {
    ...COMMON,
    ...(options.https ? HSTS : {}),
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  }
}

import { createStripeProvider, type StripeProvider } from './stripe.ts'

export interface ProviderConfig {
  /** Undefined: cards are not offered. */
  readonly stripe: StripeProvider | undefined
  readonly captureOn: 'placement' | 'shipment'
}

/** Throws one error that names every variable at fault. Documented in docs/configuration.md. */
export function readProviderConfig(config: Readonly<Record<string, string | undefined>>): ProviderConfig {
  const faults: string[] = []
  const {
    STRIPE_SECRET_KEY: secretKey,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    STRIPE_API_URL: apiUrl,
  } = config
  if (secretKey && !/^(sk|rk)_(test|live)_/.test(secretKey))
    faults.push('STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_')
  if (secretKey && !webhookSecret) faults.push('STRIPE_WEBHOOK_SECRET is needed beside STRIPE_SECRET_KEY')
  if (webhookSecret && !secretKey) faults.push('STRIPE_SECRET_KEY is needed beside STRIPE_WEBHOOK_SECRET')
  const webhookSecrets = (webhookSecret ?? '').split(',').flatMap(secret => secret.trim() || [])
  if (webhookSecrets.some(secret => !secret.startsWith('whsec_')))
    faults.push('STRIPE_WEBHOOK_SECRET must begin with whsec_; several are separated by commas')
  if (apiUrl && !URL.canParse(apiUrl)) faults.push('STRIPE_API_URL must be a URL')
  const capture = config.PAYMENT_CAPTURE ?? 'on_placement'
  if (capture !== 'on_placement' && capture !== 'on_shipment')
    faults.push('PAYMENT_CAPTURE must be on_placement or on_shipment')
  if (faults.length > 0) throw new Error(`Payments are not configured right:\n  - ${faults.join('\n  - ')}`)
  return {
    stripe: secretKey ? createStripeProvider({ secretKey, webhookSecrets, apiUrl }) : undefined,
    captureOn: capture === 'on_shipment' ? 'shipment' : 'placement',
  }
}

import { cosmetic, hash, list, metadata, oneOf, type Reader, required, text } from './parameters.ts'
import { refuseRawCard } from './payment-methods.ts'
import { badRequest, unsupported } from './stripe-error.ts'

export const captureMethod = oneOf('automatic', 'automatic_async', 'manual')

export const email: Reader<string> = {
  read(value, path) {
    const address = text({ max: 512 }).read(value, path)
    if (!isEmail(address))
      throw badRequest(`Invalid email address: ${address}`, { code: 'email_invalid', param: path })
    return address
  },
}

export const webAddress: Reader<string> = {
  read(value, path) {
    const address = text().read(value, path)
    if (!/^https?:\/\/[^\s/]/i.test(address) || !URL.canParse(address))
      throw badRequest('Not a valid URL', { code: 'url_invalid', param: path })
    return address
  },
}

/** Cards alone are understood here; Stripe has forty more. */
export const cardsOnly: Reader<string[]> = {
  read(value, path) {
    const types = list(text()).read(value, path)
    const other = types.findIndex(type => type !== 'card')
    if (other >= 0) throw unsupported(`the payment method type \`${types[other]}\``, `${path}[${other}]`)
    return types
  },
}

const addressFields = {
  city: text(),
  country: text(),
  line1: text(),
  line2: text(),
  postal_code: text(),
  state: text(),
} as const

export const shippingField = hash({
  address: required(hash(addressFields)),
  carrier: text(),
  name: required(text()),
  phone: text(),
  tracking_number: text(),
})

/** Numbers belong on Stripe's page, never in a request of the shop. */
const rawCard: Reader<never> = { read: () => refuseRawCard() }
export const cardField = hash({
  token: text(),
  number: rawCard,
  cvc: rawCard,
  exp_month: rawCard,
  exp_year: rawCard,
})

export const methodData = hash({
  type: required(oneOf('card')),
  card: cardField,
  billing_details: cosmetic,
  metadata,
})

export function isEmail(text: string): boolean {
  return text.length <= 254 && /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text)
}

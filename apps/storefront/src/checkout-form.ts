import type { Refusal, StoreApi } from './store-api.ts'
import { fieldErrors } from './store-api.ts'

type PayInput = Parameters<StoreApi['checkout']['pay']>[0]
type Address = PayInput['shippingAddress']

const ADDRESS_FIELDS = ['fullName', 'line1', 'line2', 'city', 'region', 'postalCode', 'phone'] as const
const OPTIONAL = new Set<string>(['line2', 'region', 'phone'])

/** Every field of the form by its name, as typed. Billing fields carry the prefix `billing-`. */
export type CheckoutValues = Record<string, string>

export function readCheckoutForm(form: FormData): CheckoutValues {
  const values: CheckoutValues = {}
  for (const [name, value] of form) if (typeof value === 'string') values[name] = value.trim().slice(0, 500)
  return values
}

export function hasOtherBilling(values: CheckoutValues): boolean {
  return values.billing === 'other'
}

/** Empty required fields, said before anything is asked of the services. */
export function missingFields(values: CheckoutValues): Record<string, string> {
  const errors: Record<string, string> = {}
  if (!values.email) errors.email = 'Please enter your email address.'
  for (const prefix of hasOtherBilling(values) ? ['', 'billing-'] : [''])
    for (const field of ADDRESS_FIELDS)
      if (!OPTIONAL.has(field) && !values[prefix + field])
        errors[prefix + field] = `Please enter ${NAMES[field]}.`
  if (!values.paymentMethod) errors.paymentMethod = 'Please choose a way to pay.'
  return errors
}

export function payInput(values: CheckoutValues, cartId: string): PayInput {
  return {
    cartId: cartId as PayInput['cartId'],
    quoteHash: values.quoteHash ?? '',
    email: values.email ?? '',
    shippingAddress: address(values, ''),
    ...(hasOtherBilling(values) && { billingAddress: address(values, 'billing-') }),
    shippingRateId: values.shippingRateId ?? '',
    paymentMethod: values.paymentMethod as PayInput['paymentMethod'],
    ...(values.note && { note: values.note }),
  }
}

/** The other way round: a request that was sent, as the form's values. */
export function formValues(request: Omit<PayInput, 'cartId' | 'quoteHash'>): CheckoutValues {
  const { shippingAddress, billingAddress, ...rest } = request
  return {
    ...textsOf(rest, ''),
    ...textsOf(shippingAddress, ''),
    ...(billingAddress && { billing: 'other', ...textsOf(billingAddress, 'billing-') }),
  }
}

function textsOf(fields: object, prefix: string): CheckoutValues {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'string' ? [[prefix + name, value]] : [],
    ),
  )
}

/** The contract's field paths (`billingAddress.city`) as this form's names (`billing-city`). */
export function formErrors(refusal: Refusal): Record<string, string> {
  const errors: Record<string, string> = {}
  for (const [path, message] of Object.entries(fieldErrors(refusal))) {
    const name = path.replace(/^shippingAddress\./, '').replace(/^billingAddress\./, 'billing-')
    errors[name] = `This ${message}.`
  }
  return errors
}

/** What the notice above the form says; the field errors say the rest. */
export function explainRefusal(refusal: Refusal): string {
  switch (refusal.code) {
    case 'invalid-input':
      return 'Some fields need another look. Nothing was ordered yet.'
    case 'provider-refused':
      return 'Our payment partner did not accept this payment. Nothing was charged; please try another way to pay.'
    case 'payment-not-completed':
      return 'The payment was not completed. Nothing was charged and nothing was ordered.'
    case 'checkout-in-progress':
      return 'This cart is being paid for right now, perhaps in another tab. Please wait a moment and reload.'
    case 'idempotency-key-reused':
      return 'The form had changed since it was first sent. Please check it and place the order again.'
    case 'method-not-offered':
      return 'This way to pay is not offered there. Please choose another one.'
    case 'too-many-open-checkouts':
      return 'There are several unfinished checkouts of yours. Please wait a few minutes and try again.'
    default:
      return refusal.message
  }
}

const NAMES: Record<(typeof ADDRESS_FIELDS)[number], string> = {
  fullName: 'a full name',
  line1: 'a street and number',
  line2: 'more of the address',
  city: 'a city',
  region: 'a state or region',
  postalCode: 'a postal code',
  phone: 'a phone number',
}

function address(values: CheckoutValues, prefix: '' | 'billing-'): Address {
  const value = (name: string) => values[prefix + name] ?? ''
  return {
    fullName: value('fullName'),
    line1: value('line1'),
    ...(value('line2') && { line2: value('line2') }),
    city: value('city'),
    ...(value('region') && { region: value('region') }),
    postalCode: value('postalCode'),
    country: value('country'),
    ...(value('phone') && { phone: value('phone') }),
  }
}

import { html } from 'hono/html'
import { TEST_CARDS } from './cards.ts'
import type { CheckoutSession, SessionSecrets } from './checkout-sessions.ts'
import { formatAmount } from './currency.ts'
import { type Html, layout, notice } from './layout.ts'
import type { PaymentForm } from './pay-session.ts'

export interface PageState {
  readonly form: PaymentForm
  readonly error: string | undefined
  readonly field: keyof PaymentForm | undefined
}

export const BLANK: PageState = {
  form: {
    email: '',
    number: '',
    expiry: '',
    cvc: '',
    name: '',
    shippingRate: '',
    shownTotal: '',
    update: false,
  },
  error: undefined,
  field: undefined,
}

/** After the button that pays: Enter presses the first. */
const UPDATE = html`<button name="update" value="1" class="second" formnovalidate>Update total</button>`

const SUBMIT: Readonly<Record<string, string>> = { book: 'Book', donate: 'Donate' }

export function paymentPage(session: CheckoutSession, secrets: SessionSecrets, state: PageState): Html {
  const { form, error } = state
  const total = formatAmount(session.amount_total, session.currency)
  const free = session.amount_total === 0
  const action = free ? 'Complete order' : `${SUBMIT[session.submit_type ?? ''] ?? 'Pay'} ${total}`
  return layout(
    `Pay ${total}`,
    html`<div class="checkout">
    <section aria-labelledby="order">
      ${session.cancel_url ? html`<a class="back" href="${session.cancel_url}">← Back to the shop</a>` : ''}
      <h1 id="order">Your order</h1>
      <p class="total">${total}</p>
      ${lines(session, secrets)}
    </section>
    <section class="sheet" aria-labelledby="payment">
      <h2 id="payment">${free ? 'Confirm' : 'Pay with card'}</h2>
      ${error === undefined ? '' : html`<p class="error" role="alert" id="error">${error}</p>`}
      <form method="post" action="/c/pay/${session.id}">
        <input type="hidden" name="shown_total" value="${session.amount_total}">
        ${email(session, state)}
        ${shipping(session, secrets, form)}
        ${free ? '' : cardFields(state)}
        <button>${action}</button>
        ${secrets.rates.length < 2 ? '' : UPDATE}
      </form>
      ${free ? '' : testCards()}
    </section></div>`,
  )
}

export function overPage(session: CheckoutSession, shopUrl: string): Html {
  if (session.status === 'complete')
    return notice('Already paid', 'This payment is complete. Nothing more will be charged.', {
      href: shopUrl,
      text: 'Back to the shop',
    })
  return notice(
    'This payment page has expired',
    'Nothing was charged. Go back to the shop and start the payment again.',
    session.cancel_url ? { href: session.cancel_url, text: 'Back to the shop' } : undefined,
  )
}

export function authenticationPage(path: string, amount: string, last4: string): Html {
  return layout(
    '3-D Secure',
    html`<div class="sheet narrow"><h1>Confirm it is you</h1>
    <p>Your bank asks whether you are paying <strong>${amount}</strong> with the card ending in ${last4}.</p>
    <p class="quiet">This is the sandbox's stand-in for the bank's 3-D Secure page.</p>
    <form method="post" action="${path}">
      <button name="decision" value="complete">Complete authentication</button>
      <button name="decision" value="fail" class="second">Fail authentication</button>
    </form></div>`,
  )
}

function lines(session: CheckoutSession, secrets: SessionSecrets): Html {
  const money = (amount: number) => formatAmount(amount, session.currency)
  const chosen = secrets.rates.find(rate => rate.id === session.shipping_cost?.shipping_rate)
  return html`<ul class="lines">
    ${secrets.items.map(
      item =>
        html`<li><span>${item.description}${item.quantity > 1 ? html` <span class="quiet">× ${item.quantity}</span>` : ''}</span><span>${money(item.amount_total)}</span></li>`,
    )}
    ${chosen ? html`<li><span>${chosen.display_name}</span><span>${money(chosen.fixed_amount.amount)}</span></li>` : ''}
    <li class="sum"><span>Total</span><span>${money(session.amount_total)}</span></li>
  </ul>`
}

function email(session: CheckoutSession, { form, field }: PageState): Html {
  if (session.customer_email !== null)
    return html`<p><span class="quiet">Email</span><br>${session.customer_email}</p>`
  return html`<label>Email
    <input type="email" name="email" value="${form.email}" autocomplete="email" required ${invalid(field === 'email')}></label>`
}

function shipping(session: CheckoutSession, secrets: SessionSecrets, form: PaymentForm): Html | '' {
  if (secrets.rates.length < 2) return ''
  const chosen = form.shippingRate || session.shipping_cost?.shipping_rate
  return html`<fieldset><legend>Shipping</legend>${secrets.rates.map(
    rate => html`<label><input type="radio" name="shipping_rate" value="${rate.id}" ${rate.id === chosen ? 'checked' : ''}>
      <span>${rate.display_name}</span><span class="price">${formatAmount(rate.fixed_amount.amount, session.currency)}</span></label>`,
  )}</fieldset>`
}

/** The number and the CVC are never written back into the page. */
function cardFields({ form, field }: PageState): Html {
  return html`<label>Card number
      <input name="card_number" inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242" maxlength="23" required ${invalid(field === 'number')}></label>
    <div class="pair">
      <label>Expires
        <input name="expiry" value="${form.expiry}" inputmode="text" autocomplete="cc-exp" placeholder="MM / YY" maxlength="9" required ${invalid(field === 'expiry')}></label>
      <label>CVC
        <input name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" maxlength="4" required ${invalid(field === 'cvc')}></label>
    </div>
    <label>Name on card
      <input name="name" value="${form.name}" autocomplete="cc-name" maxlength="150" required ${invalid(field === 'name')}></label>`
}

function invalid(is: boolean): Html | '' {
  return is ? html`aria-invalid="true" aria-describedby="error"` : ''
}

function testCards(): Html {
  return html`<details><summary>Test cards</summary>
    <p class="quiet">Any future date, any three digits (four for American Express), any name.</p>
    <div class="scroll"><table class="cards"><tbody>
    ${TEST_CARDS.map(card => html`<tr><td><code>${grouped(card.number)}</code></td><td>${card.shows}</td></tr>`)}
    </tbody></table></div></details>`
}

function grouped(number: string): string {
  return number.replace(/(\d{4})(?=\d)/g, '$1 ')
}

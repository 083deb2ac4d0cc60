// Country and shipping change the totals: the same form is asked for again and the parts that changed are put in place.
// Without this script the "Update totals" button does the same with a page load.
const form = document.querySelector<HTMLFormElement>('form[data-checkout]')
const PARTS = ['summary', 'total-bar', 'shipping-options', 'payment-options', 'checkout-notice']
let asking: AbortController | undefined

if (form) {
  hideUpdate()
  form.addEventListener('change', event => {
    const target = event.target as HTMLInputElement
    if (target.dataset.recompute !== undefined) void recompute(form)
    else labelButton()
  })
}

async function recompute(form: HTMLFormElement): Promise<void> {
  asking?.abort()
  asking = new AbortController()
  const { signal } = asking
  document.getElementById('summary')?.setAttribute('aria-busy', 'true')
  const body = new URLSearchParams()
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value)
  body.set('_action', 'update')
  try {
    const response = await fetch(form.action, { method: 'POST', body, signal })
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    if (!response.ok || !page.getElementById('summary')) return form.submit()
    replaceParts(page)
  } catch {
    if (!signal.aborted) document.getElementById('summary')?.removeAttribute('aria-busy')
  }
}

function replaceParts(page: Document): void {
  const focused = document.activeElement as HTMLInputElement | null
  const method = checked('paymentMethod')
  for (const id of PARTS) {
    const [now, next] = [document.getElementById(id), page.getElementById(id)]
    if (now && next) now.replaceWith(document.adoptNode(next))
  }
  const again =
    method && document.querySelector<HTMLInputElement>(`[name="paymentMethod"][value="${method}"]`)
  if (again) again.checked = true
  if (focused?.type === 'radio')
    document.querySelector<HTMLElement>(`[name="${focused.name}"][value="${focused.value}"]`)?.focus()
  hideUpdate()
  labelButton()
  const total = document.querySelector('#total-bar strong')?.textContent
  const status = document.getElementById('checkout-status')
  if (status && total) status.textContent = `The total is now ${total}`
}

function labelButton(): void {
  const label = document.querySelector<HTMLElement>('[data-place-label]:checked')?.dataset.placeLabel
  const place = document.querySelector('[data-place]')
  if (label && place) place.textContent = label
}

function checked(name: string): string | undefined {
  return document.querySelector<HTMLInputElement>(`[name="${name}"]:checked`)?.value
}

function hideUpdate(): void {
  const update = document.querySelector<HTMLElement>('.place [data-update]')
  if (update) update.hidden = true
}

export {}

// A changed quantity is sent after a short rest, so that three presses of "+" are one request.
const REST_MS = 600

for (const form of document.querySelectorAll<HTMLFormElement>('form[data-auto-submit]')) {
  const update = form.querySelector<HTMLElement>('[data-update]')
  if (update) update.hidden = true
  let timer: number | undefined
  form.addEventListener('change', () => {
    clearTimeout(timer)
    timer = window.setTimeout(() => form.requestSubmit(), REST_MS)
  })
}

export {}

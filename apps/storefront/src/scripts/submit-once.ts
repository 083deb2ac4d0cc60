// A second press while the first is under way would add the item twice or only confuse.
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-once]')) {
  form.addEventListener('submit', event => {
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = 'yes'
    const pressed = (event as SubmitEvent).submitter
    pressed?.classList.add('busy')
    const busyText = pressed?.dataset.busy
    if (pressed && busyText) pressed.textContent = busyText
  })
  // Back from the page cache: the form may be sent again.
  addEventListener('pageshow', () => {
    delete form.dataset.sent
    for (const busy of form.querySelectorAll('.busy')) busy.classList.remove('busy')
  })
}

export {}

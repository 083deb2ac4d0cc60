// Reloads the list when something new has come in; a page without scripts works, it only stays as it is.
const list = document.querySelector('[data-newest]')
if (list) {
  const query = new URLSearchParams({ after: list.dataset.newest, limit: '1' })
  if (list.dataset.to) query.set('to', list.dataset.to)
  const check = async () => {
    if (document.hidden) return
    const reply = await fetch(`/api/messages?${query}`).catch(() => undefined)
    if (reply?.ok && (await reply.json()).messages.length > 0) location.reload()
  }
  setInterval(check, 2000)
}

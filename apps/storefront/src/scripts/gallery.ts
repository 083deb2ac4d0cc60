// Thumbnails move the strip instead of jumping the page, and the one in view is marked.
for (const gallery of document.querySelectorAll<HTMLElement>('[data-gallery]')) {
  const strip = gallery.querySelector<HTMLElement>('.gallery-strip')
  const thumbs = [...gallery.querySelectorAll<HTMLAnchorElement>('.thumbs a')]
  if (!strip || thumbs.length === 0) continue
  thumbs.forEach((thumb, index) => {
    thumb.addEventListener('click', event => {
      event.preventDefault()
      strip.scrollTo({ left: index * strip.clientWidth })
    })
  })
  strip.addEventListener(
    'scroll',
    () => {
      const shown = Math.round(strip.scrollLeft / strip.clientWidth)
      thumbs.forEach((thumb, index) => {
        if (index === shown) thumb.setAttribute('aria-current', 'true')
        else thumb.removeAttribute('aria-current')
      })
    },
    { passive: true },
  )
}

export {}

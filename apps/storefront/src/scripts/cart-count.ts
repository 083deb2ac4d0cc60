// The badge. Pages are the same for everybody, so the count comes after them: at once from what this browser last saw,
// then from the shop. A browser that never had a cart asks nothing.
const badge = document.querySelector<HTMLElement>('[data-cart-count]')
const seen = document.querySelector<HTMLElement>('[data-item-count]')?.dataset.itemCount
const key = `cart-count-${badge?.dataset.market}`

if (badge && seen !== undefined) {
  remember(Number(seen))
} else if (badge) {
  const last = recall()
  if (last > 0) {
    show(last)
    fetch(`/api/cart?marketId=${badge.dataset.market}`, { headers: { accept: 'application/json' } })
      .then(response => response.json() as Promise<{ itemCount?: unknown }>)
      .then(cart => typeof cart.itemCount === 'number' && remember(cart.itemCount))
      .catch(() => undefined) // Offline: the last count stands.
  }
}

function show(count: number): void {
  if (!badge) return
  badge.hidden = count === 0
  badge.textContent = count > 99 ? '99+' : String(count)
}

function remember(count: number): void {
  show(count)
  try {
    localStorage.setItem(key, String(count))
  } catch {
    // Storage may be forbidden; the badge then shows on the cart page only.
  }
}

function recall(): number {
  try {
    return Number(localStorage.getItem(key)) || 0
  } catch {
    return 0
  }
}

export {}

import type { Browser } from 'playwright-core'
import { type Visit, type VisitOptions, visit } from './browser.ts'
import { addToCart, fillDelivery, placeButton, placeOrder } from './checkout-page.ts'

/** Every page that is the same for everybody, at least one of each kind and market. */
export const PUBLIC_ROUTES = [
  '/',
  '/us',
  '/uk',
  '/c/ceramics-glass',
  '/c/lighting?sort=price-desc',
  '/us/c/furniture?sort=newest',
  '/collections/new-season',
  '/uk/collections/gifts-under-50',
  '/search?q=lamp',
  '/search?q=headfones',
  '/search?q=zzxqwv',
  '/search',
  '/p/tidal-vase',
  '/p/tidal-vase?v=CER-TV01-EMB-2',
  '/p/pantry-jars',
  '/us/p/lull-headphones',
  '/about',
  '/privacy',
  '/shipping-and-returns',
] as const

/** Pages that refuse, each with the status it must have. */
export const REFUSED_ROUTES = [
  { path: '/nothing/here', status: 404 },
  { path: '/p/no-such-product', status: 404 },
  { path: '/c/no-such-category', status: 404 },
  { path: '/collections/no-such-collection', status: 404 },
  { path: '/us/p/no-such-product', status: 404 },
  { path: '/orders/ord_01m85thdv8eq39gw82e6v42jaq', status: 404 },
  { path: '/orders/nonsense?token=nonsense', status: 404 },
] as const

export const EMPTY_CART_ROUTES = ['/cart', '/us/cart', '/admin/welcome?token=used-or-never-made'] as const

/** Asks for the same page again after a form, or shows what the shopper has. Needs a cart: see `shopperVisit`. */
export const CART_ROUTES = ['/cart', '/checkout'] as const

/** A visit whose cart holds two different things. */
export async function shopperVisit(
  browser: Browser,
  url: string,
  options: VisitOptions = {},
): Promise<Visit> {
  const shopper = await visit(browser, options)
  await addToCart(shopper.page, `${url}/p/tidal-vase?v=CER-TV01-EMB-1`)
  await addToCart(shopper.page, `${url}/p/moon-lantern`)
  return shopper
}

/** The checkout as it looks after a mistake: every required field has its message. */
export async function openRefusedCheckout({ page }: Visit, url: string): Promise<void> {
  await page.goto(`${url}/checkout`)
  await placeButton(page).click()
  await page.locator('.error').first().waitFor()
}

/** Buys what the cart holds; answers the confirmation's address. */
export async function buy({ page }: Visit, url: string, email: string): Promise<string> {
  await page.goto(`${url}/checkout`)
  await fillDelivery(page, email)
  await placeOrder(page)
  return page.url()
}

import { authService } from '@storewright/auth/service'
import { cartService } from '@storewright/cart/service'
import { checkoutService } from '@storewright/checkout/service'
import { inventoryService } from '@storewright/inventory/service'
import { notificationService } from '@storewright/notification/service'
import { orderService } from '@storewright/order/service'
import { paymentService } from '@storewright/payment/service'
import { pricingService } from '@storewright/pricing/service'
import { productService } from '@storewright/product/service'

/**
 * The picture.
 *
 *   Customer browser → CDN → Storefront → API gateway ─┬─ Auth
 *                                                      ├─ Product
 *                                                      ├─ Cart ─────── (reads Product, Inventory, Pricing)
 *                                                      ├─ Checkout ─┬─ Pricing
 *                                                      │            ├─ Inventory
 *                                                      │            ├─ Payment
 *                                                      │            └─ Order ─┬─ Notification ─ email
 *                                                      │                      └─ (Inventory, Payment: to cancel)
 *                                                      └─ (staff operations of each)
 *
 * Whom a service calls stands in its `needs`, whose events it hears in its `hears`. Each runs in this process unless
 * `<NAME>_URL` says where else.
 */
export const SERVICES = {
  auth: authService,
  product: productService,
  pricing: pricingService,
  cart: cartService,
  inventory: inventoryService,
  payment: paymentService,
  order: orderService,
  checkout: checkoutService,
  notification: notificationService,
}

export type ServiceName = keyof typeof SERVICES

/** A process holds at most this many connections; ten such processes fit a Postgres with its usual 500. */
export const CONNECTIONS_MAX = 40

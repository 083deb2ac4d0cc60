import { authContract } from '@storewright/auth/contract'
import { cartContract } from '@storewright/cart/contract'
import { checkoutContract } from '@storewright/checkout/contract'
import { inventoryContract } from '@storewright/inventory/contract'
import { notificationContract } from '@storewright/notification/contract'
import { orderContract } from '@storewright/order/contract'
import { paymentContract } from '@storewright/payment/contract'
import { pricingContract } from '@storewright/pricing/contract'
import { productContract } from '@storewright/product/contract'

const { createAdminLink, authenticateApiKey, ...auth } = authContract
const { getVariants, receiveEvents: productEvents, ...product } = productContract
const { calculateQuote, ...pricing } = pricingContract
const { readCart, completeCart, ...cart } = cartContract
const {
  getAvailability,
  planStock,
  reserveStock,
  commitReservation,
  releaseReservation,
  cancelReservation,
  ...inventory
} = inventoryContract
const {
  authorizePayment,
  openPaymentPage,
  confirmPayment,
  syncPayment,
  closePaymentPage,
  voidPayment,
  giveBackPayment,
  receiveWebhook,
  ...payment
} = paymentContract
const { receiveEvents: checkoutEvents, ...checkout } = checkoutContract
const { placeOrder, receiveEvents: orderEvents, ...order } = orderContract
const { receiveEvents: notificationEvents, ...notification } = notificationContract

/** All that passes the gateway: every service's contract without its internal operations (a test compares). */
export const storeContract = {
  auth,
  product,
  pricing,
  cart,
  checkout,
  inventory,
  payment,
  order,
  notification,
}

import { authContract } from '@storewright/auth/contract'
import { cartContract } from '@storewright/cart/contract'
import { checkoutContract } from '@storewright/checkout/contract'
import { inventoryContract } from '@storewright/inventory/contract'
import { notificationContract } from '@storewright/notification/contract'
import { orderContract } from '@storewright/order/contract'
import { paymentContract } from '@storewright/payment/contract'
import { pricingContract } from '@storewright/pricing/contract'
import { productContract } from '@storewright/product/contract'
import type { ClientsOf } from '@storewright/rpc/service'

/** Whom the gateway needs: every service, with its internal operations (of which it uses one, to resolve keys). */
export const serviceContracts = {
  auth: authContract,
  cart: cartContract,
  checkout: checkoutContract,
  inventory: inventoryContract,
  notification: notificationContract,
  order: orderContract,
  payment: paymentContract,
  pricing: pricingContract,
  product: productContract,
}

export type ServiceClients = ClientsOf<typeof serviceContracts>

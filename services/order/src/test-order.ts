import { inventoryContract } from '@storewright/inventory/contract'
import { newId } from '@storewright/kernel/ids'
import { paymentContract } from '@storewright/payment/contract'
import { localClient } from '@storewright/rpc/client'
import { implement } from '@storewright/rpc/implement'
import type { RunningService, ServiceClient } from '@storewright/rpc/service'
import { startTestService, type TestService } from '@storewright/rpc/testing'
import type { orderContract } from './contract.ts'
import { orderService } from './service.ts'
import type { NewOrder } from './store.ts'

/** What the services around an order answer when it is canceled; a failure is thrown as a service would. */
export interface Neighbors {
  /** `held`: the checkout has not committed yet. */
  inventory: 'gives-back' | 'held' | 'down'
  payment: 'gives-back' | 'down' | 'refuses'
  readonly calls: string[]
}

/** The order service on a real database; inventory and payment answer by their contracts, as `neighbors` says. */
export function startTestOrder(
  neighbors: Neighbors = { inventory: 'gives-back', payment: 'gives-back', calls: [] },
): Promise<TestService<typeof orderContract>> {
  const inventory = {
    cancelReservation: implement(inventoryContract).cancelReservation.handler(({ input, errors }) => {
      neighbors.calls.push(`cancelReservation ${input.reservationId}`)
      if (neighbors.inventory === 'held') throw errors['reservation-held']()
      if (neighbors.inventory === 'down') throw new Error('inventory is down')
      return { ...input, state: 'canceled', expiresAt: new Date().toISOString(), lines: [] }
    }),
  }
  const payment = {
    giveBackPayment: implement(paymentContract).giveBackPayment.handler(({ input }) => {
      neighbors.calls.push(`giveBackPayment ${input.paymentId}`)
      if (neighbors.payment === 'down') throw new Error('payment is down')
      return {
        ...input,
        checkoutId: newId('checkout'),
        provider: 'manual',
        method: 'invoice',
        state: 'voided',
        onTerms: true,
        amount: eur(2490),
        capturedAmount: eur(0),
        refundedAmount: eur(0),
        disputedAmount: eur(0),
        card: null,
        captureBefore: null,
        failure: null,
        createdAt: new Date().toISOString(),
      }
    }),
  }
  const refunds = {
    refundPayment: implement(paymentContract).refundPayment.handler(({ input, context, errors }) => {
      neighbors.calls.push(`refundPayment ${input.amount.amount} ${context.idempotencyKey}`)
      if (neighbors.payment === 'refuses') throw errors['provider-refused']({ data: { reason: 'no' } })
      if (neighbors.payment === 'down') throw new Error('payment is down')
      return {
        ...input,
        refundId: newId('refund'),
        state: 'succeeded',
        failure: null,
        createdAt: new Date().toISOString(),
      }
    }),
  }
  const client = (name: string, router: object) => localClient(name, () => ({ router }) as RunningService)
  return startTestService(orderService, {
    needs: {
      inventory: client('inventory', inventory) as ServiceClient<typeof inventoryContract>,
      payment: client('payment', { ...payment, ...refunds }) as ServiceClient<typeof paymentContract>,
    },
  })
}

export const eur = (amount: number) => ({ amount, currency: 'EUR' as const })

export function newOrder(checkoutId = newId('checkout'), quantity = 2): NewOrder {
  const shippingAddress = {
    fullName: 'Ada Byron',
    line1: 'Hauptstr. 1',
    city: 'Berlin',
    postalCode: '10115',
    country: 'DE',
  }
  return {
    checkoutId,
    owner: 'gst_owner',
    marketId: 'eu',
    currency: 'EUR',
    email: 'ada@example.com',
    lines: [
      {
        sku: 'CER-1',
        slug: 'vase',
        title: 'Vase',
        variantTitle: 'Sea',
        image: null,
        quantity,
        unitPrice: eur(1000),
        total: eur(1000 * quantity),
        tax: eur(319),
        taxRateBasisPoints: 1900,
        vendorId: newId('vendor'),
      },
    ],
    totals: {
      subtotal: eur(1000 * quantity),
      shipping: eur(490),
      tax: eur(397),
      total: eur(1000 * quantity + 490),
      taxIncluded: true,
    },
    taxLines: [{ name: 'VAT', rateBasisPoints: 1900, amount: eur(397) }],
    shipping: {
      shippingRateId: 'standard',
      title: 'Standard',
      price: eur(490),
      tax: eur(78),
      minDays: 2,
      maxDays: 4,
    },
    payment: { paymentId: newId('payment'), method: 'invoice', onTerms: true },
    shippingAddress,
    billingAddress: shippingAddress,
    note: null,
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ORPCError } from '@orpc/server'
import { newId } from '@storewright/kernel/ids'
import { refusalOf } from '@storewright/rpc/testing'
import { refuse, startCheckout, stateOf } from './test-checkout.ts'

test('a reservation that ended before payment ends the checkout, instead of being asked for ever', async t => {
  const { under, calls, payFor } = await startCheckout(t, {
    inventory: { reserveStock: refuse('reservation-ended', 409) },
  })
  const cartId = newId('cart')
  assert.equal(await refusalOf(payFor(cartId)), 'reservation-ended')
  assert.deepEqual(await stateOf(under.database, cartId), ['failed'])
  assert.deepEqual(calls.slice(-2), ['reserveStock', 'releaseReservation'])
})

test('an order whose cart is gone by then is completed', async t => {
  const { payFor } = await startCheckout(t, { cart: { completeCart: refuse('not-found', 404) } })
  assert.equal((await payFor()).state, 'completed')
})

test('a payment that could not be asked is unknown, not refused: the checkout waits', async t => {
  const unreachable = async () => {
    throw Object.assign(new TypeError('fetch failed'), { cause: new Error('connect ECONNREFUSED') })
  }
  const { calls, payFor } = await startCheckout(t, { payment: { authorizePayment: unreachable } })
  assert.equal((await payFor()).state, 'authorizing')
  assert.ok(!calls.includes('voidPayment'))
})

test('a cart whose other checkout fails at that moment is not called ordered', async t => {
  let release = () => {}
  let first = true
  const { under, payFor } = await startCheckout(t, {
    payment: {
      authorizePayment: async () => {
        if (!first) return { paymentId: newId('payment'), onTerms: true }
        first = false
        await new Promise<void>(resolve => {
          release = resolve
        })
        throw new ORPCError('method-not-offered', { status: 400, defined: true })
      },
    },
  })
  const cartId = newId('cart')
  const losing = refusalOf(payFor(cartId))
  while (first) await new Promise(resolve => setImmediate(resolve))
  // Between the insert that the unique index refuses and the question who holds the cart, the holder fails.
  const { query } = under.database
  Object.assign(under.database, {
    query: async (text: string, values?: readonly unknown[]) => {
      if (text.includes('where cart_id = $1') && text.includes(`state <> 'failed'`)) {
        release()
        assert.equal(await losing, 'method-not-offered')
      }
      return query(text, values)
    },
  })
  const second = await payFor(cartId)
  assert.equal(second.state, 'completed')
})

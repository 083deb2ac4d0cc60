import { inventoryContract } from '@storewright/inventory/contract'
import { type Actor, principalOf } from '@storewright/kernel/actor'
import type { Id } from '@storewright/kernel/ids'
import { createLane } from '@storewright/postgres/lane'
import { createSharedRead } from '@storewright/postgres/shared-read'
import type { Sql } from '@storewright/postgres/sql'
import { pricingContract } from '@storewright/pricing/contract'
import { productContract } from '@storewright/product/contract'
import { type CallContext, forward, systemContext } from '@storewright/rpc/context'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { startCleanUp } from './clean-up.ts'
import { type Completion, completeCarts } from './complete-carts.ts'
import { CART_QUANTITY_MAX, cartContract } from './contract.ts'
import { type CartView, type Market, type Now, type StoredCart, viewCart } from './domain.ts'
import { createMarketCache } from './market-cache.ts'
import { addLine, type CartForCheckout, findActiveCart, findCarts, setLine } from './store.ts'

const NEEDS = { product: productContract, inventory: inventoryContract, pricing: pricingContract }

/** A cart without stock now is worth more than one with stock after the shopper left. */
const STOCK_TIMEOUT_MS = 2_000

export const cartService = defineService({
  name: 'cart',
  contract: cartContract,
  needs: NEEDS,
  migrations: new URL('../migrations/', import.meta.url),
  publishes: [],
  hears: [],
  maxConnections: 6,
  start: async environment => start(environment),
})

function start(environment: ServiceEnvironment<typeof NEEDS>): RunningService {
  const { database, needs, log, clock } = environment
  const os = implement(cartContract)
  const findMarket = createMarketCache(
    async () => (await needs.pricing.listMarkets({}, { context: systemContext('cart') })).items,
    clock,
  )
  const stopCleanUp = startCleanUp(database, log)
  const cartsById = createSharedRead<Id<'cart'>, CartForCheckout>({
    name: 'cart.read',
    read: cartIds => findCarts(database, cartIds),
  })
  const completions = createLane<Completion, boolean>({
    name: 'cart.complete',
    maxItems: 256,
    run: async items => {
      const completed = await completeCarts(database, items)
      return items.map(({ cartId }) => completed.has(cartId))
    },
  })

  /** Prices and stock of these SKUs at this moment, asked for in parallel. */
  async function readNow(context: CallContext, currency: Market['currency'], skus: string[]): Promise<Now> {
    if (skus.length === 0) return { variants: new Map(), stock: new Map() }
    const onward = forward(context, 'cart')
    const [variants, stock] = await Promise.all([
      needs.product.getVariants({ skus, currency }, onward),
      needs.inventory.getAvailability({ skus }, forward(context, 'cart', STOCK_TIMEOUT_MS)).catch(error => {
        log.warn({ err: error, traceId: context.traceId }, 'carts are shown without stock')
        return undefined
      }),
    ])
    return {
      variants: new Map(variants.items.map(variant => [variant.sku, variant])),
      stock: stock && new Map(stock.items.map(item => [item.sku, item])),
    }
  }

  /** The view of a cart after a change; lines that others added meanwhile are asked for once more. */
  async function viewAfter(
    context: CallContext,
    market: Market,
    cart: StoredCart | undefined,
    now: Now,
    known: ReadonlySet<string>,
  ): Promise<CartView> {
    const skus = (cart?.lines ?? []).map(line => line.sku)
    const complete = skus.every(sku => known.has(sku))
    return viewCart(market, cart, complete ? now : await readNow(context, market.currency, skus))
  }

  /** A transaction only where a key makes one necessary: a change by itself is one statement. */
  function onceByKey(
    context: CallContext,
    command: { operation: string; input: unknown },
    work: (sql: Sql) => Promise<CartView>,
  ): Promise<CartView> {
    if (context.idempotencyKey === undefined) return work(database)
    return database.transaction(sql => oncePerKey(sql, context, command, () => work(sql)))
  }

  const router = os.router({
    getCart: os.getCart.handler(async ({ input, context, errors }) => {
      const market = await findMarket(input.marketId)
      if (!market) throw errors['invalid-input']({ data: fieldError('marketId', NO_MARKET) })
      const cart = hasIdentity(context.actor)
        ? await findActiveCart(database, principalOf(context.actor), market)
        : undefined
      const skus = (cart?.lines ?? []).map(line => line.sku)
      return viewCart(market, cart, await readNow(context, market.currency, skus))
    }),

    addCartLine: os.addCartLine.handler(async ({ input, context, errors }) => {
      const invalid = (field: string, message: string) =>
        errors['invalid-input']({ data: fieldError(field, message) })
      if (!hasIdentity(context.actor)) throw invalid('actor', NO_IDENTITY)
      const { sku, quantity } = input
      const owner = principalOf(context.actor)
      const market = await findMarket(input.marketId)
      if (!market) throw invalid('marketId', NO_MARKET)
      const before = await findActiveCart(database, owner, market)
      const skus = [...new Set([...(before?.lines ?? []).map(line => line.sku), sku])]
      const now = await readNow(context, market.currency, skus)
      return onceByKey(context, { operation: 'addCartLine', input }, async sql => {
        const variant = now.variants.get(sku)
        if (!variant) throw invalid('sku', `${sku} is not sold in this market`)
        const available = now.stock && (now.stock.get(sku)?.available ?? 0)
        const added = await addLine(sql, { owner, market, variant, quantity, available })
        switch (added.kind) {
          case 'too-many':
            throw invalid('quantity', `a cart holds at most ${CART_QUANTITY_MAX} of one item`)
          case 'insufficient':
            throw errors['insufficient-stock']({
              data: { missing: [{ sku, requested: added.wanted, available: available ?? 0 }] },
            })
          case 'full':
            throw errors['cart-full']()
          case 'done':
            return viewAfter(context, market, added.cart, now, new Set(skus))
        }
      })
    }),

    setCartLine: os.setCartLine.handler(async ({ input, context, errors }) => {
      if (!hasIdentity(context.actor))
        throw errors['invalid-input']({ data: fieldError('actor', NO_IDENTITY) })
      const { sku, quantity } = input
      const owner = principalOf(context.actor)
      const market = await findMarket(input.marketId)
      if (!market) throw errors['invalid-input']({ data: fieldError('marketId', NO_MARKET) })
      const before = await findActiveCart(database, owner, market)
      const skus = (before?.lines ?? []).map(line => line.sku)
      const now = await readNow(context, market.currency, skus)
      return onceByKey(context, { operation: 'setCartLine', input }, async sql => {
        const cart = await setLine(sql, { owner, market, sku, quantity })
        // Removing what is gone is done already.
        if (!cart && quantity > 0) throw errors['not-found']()
        return viewAfter(context, market, cart ?? before, now, new Set(skus))
      })
    }),

    readCart: os.readCart.handler(async ({ input, context, errors }) => {
      const cart = (await cartsById([input.cartId])).get(input.cartId)
      // The same answer for what is not there and what is not yours: cart ids cannot be probed.
      if (!cart || !mayRead(context.actor, cart.owner)) throw errors['not-found']()
      if (cart.expired) throw errors['cart-expired']()
      const { cartId, version, state, marketId, currency } = cart
      const lines = cart.lines.map(({ sku, quantity }) => ({ sku, quantity }))
      return { cartId, version, state, marketId, currency, lines }
    }),

    completeCart: os.completeCart.handler(async ({ input, context, errors }) => {
      if (context.actor.kind !== 'system') {
        const cart = (await cartsById([input.cartId])).get(input.cartId)
        if (!cart || !mayRead(context.actor, cart.owner)) throw errors['not-found']()
      }
      if (!(await completions.submit(input))) throw errors['not-found']()
      return {}
    }),
  })

  return {
    router,
    ready: async () => void (await database.query('select 1 from cart limit 1', [])),
    async stop() {
      await stopCleanUp()
      await completions.close()
    },
  }
}

const NO_MARKET = 'is not a market of this shop'
const NO_IDENTITY = 'a cart needs an owner: the gateway gives a guest one'

/** Anonymous callers are many people under one name: they own nothing. */
function hasIdentity(actor: Actor): boolean {
  return actor.kind !== 'anonymous'
}

function mayRead(actor: Actor, owner: string): boolean {
  return actor.kind === 'system' || (hasIdentity(actor) && principalOf(actor) === owner)
}

function fieldError(field: string, message: string) {
  return { errors: [{ field, message }] }
}

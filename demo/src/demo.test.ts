import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { pricingContract } from '@storewright/pricing/contract'
import { productContract } from '@storewright/product/contract'
import { demoCatalogue, mediaDirectory } from './demo.ts'
import { generateProducts } from './generate.ts'

const imported = productContract.importProducts['~orpc'].inputSchema
const market = pricingContract.setMarket['~orpc'].inputSchema

test('the demo fits the contracts', () => {
  const { products, markets } = demoCatalogue()
  assert.equal(products.length, 48)
  imported?.parse({ products })
  for (const one of markets) market?.parse(one)
})

test('every picture named is there, and every file there is named', () => {
  const named = demoCatalogue().products.flatMap(product =>
    product.images.flatMap(image => [image.avif, image.jpg]),
  )
  assert.ok(named.every(path => path.startsWith('/media/')))
  assert.deepEqual(
    [...new Set(named.map(path => path.slice('/media/'.length)))].sort(),
    readdirSync(mediaDirectory).sort(),
  )
})

test('what the catalog refers to exists, and stock is split without loss', () => {
  const { products, stock, locations, hotProduct, categories, collections } = demoCatalogue()
  const slugs = new Set(products.map(product => product.slug))
  assert.ok(slugs.has(hotProduct))
  for (const product of products) {
    for (const related of product.related) assert.ok(slugs.has(related), related)
    assert.ok(categories.includes(product.category.slug))
    for (const slug of product.collections) assert.ok(collections.some(one => one.slug === slug))
    for (const variant of product.variants) assert.ok(product.images[variant.imageIndex])
  }
  const skus = new Set(products.flatMap(product => product.variants.map(variant => variant.sku)))
  for (const line of stock) {
    assert.ok(skus.has(line.sku) && line.quantity > 0)
    assert.ok(locations.some(({ code }) => code === line.location))
  }
  const hot = products.find(product => product.slug === hotProduct)?.variants[0]?.sku
  const there = stock.filter(line => line.sku === hot)
  assert.deepEqual(
    there.map(line => line.quantity),
    [17, 8],
  )
})

test('texts are spelled the American way', () => {
  const texts = JSON.stringify(
    demoCatalogue().products.map(({ images, slug, title, related, ...rest }) => rest),
  )
  assert.doesNotMatch(texts, /colour|\bgrey|metre|litre|aluminium|neighbour/i)
})

test('the larger catalog is always the same, distinct and importable', () => {
  const products = generateProducts(1000)
  assert.deepEqual(generateProducts(1000), products)
  assert.equal(new Set(products.map(product => product.slug)).size, 1000)
  for (let from = 0; from < products.length; from += 200)
    imported?.parse({ products: products.slice(from, from + 200) })
})

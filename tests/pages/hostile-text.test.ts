import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, visit } from '../harness/browser.ts'
import { addToCart, amountOf, fillDelivery, placeOrder, textOf } from '../harness/checkout-page.ts'
import { firstMail, trackingLink } from '../harness/inbox.ts'
import { receive } from '../harness/limited-product.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { newStaff, type Shopper } from '../harness/shopper.ts'

const TITLE = `Vase </script><script>alert(1)</script><img src=x onerror="alert(2)"> & "1'`
const DESCRIPTION = `First </script><script>alert(3)</script>\n\nSecond <style>*{display:none}</style> {{7*7}}`

let platform: PlatformProcess
let browser: Browser
let staff: Shopper

before(async () => {
  browser = await launchBrowser()
  platform = await startPlatformProcess()
  staff = await newStaff(platform.url, platform.adminLink)
  await importHostileProduct()
})
after(async () => {
  await browser?.close()
  await platform?.stop()
})

test('a title full of markup stays text on every page, in the mail and in the inbox', async () => {
  await using buying = await visit(browser)
  const { page } = buying
  await page.goto(`${platform.url}/c/hostile`)
  assert.equal(await textOf(page.locator('.card h2')), TITLE)
  await page.goto(`${platform.url}/search?q=${encodeURIComponent(TITLE)}`)
  await page.goto(`${platform.url}/p/hostile`)
  assert.equal(await textOf(page.locator('h1')), TITLE)
  assert.equal(await page.title(), `${TITLE} · Fieldnote & Co.`)
  assert.ok(await page.getByText('</script><script>alert(3)</script>').isVisible())
  assert.ok(await page.getByText('Second <style>*{display:none}</style> {{7*7}}').isVisible())
  const [product] = await jsonLd(page, ['Product', 'ProductGroup'])
  assert.equal(product?.name, TITLE)
  assert.doesNotMatch(JSON.stringify(product), /undefined|null/)

  await addToCart(page, `${platform.url}/p/hostile`)
  assert.equal(await textOf(page.locator('.cart-line h2')), TITLE)
  await page.getByRole('link', { name: 'Check out' }).click()
  await fillDelivery(page, 'hostile@example.com', {
    'Full name': '<b>Ada</b>',
    'Street and number': '"><script>alert(4)</script>',
    'Postal code': '10115',
    City: '</textarea>',
  })
  await page.getByLabel('A note for us').fill('</textarea><script>alert(5)</script>')
  assert.ok(await page.getByText(TITLE).first().isVisible())
  const placed = await placeOrder(page)
  assert.ok(await page.getByText(TITLE).first().isVisible())
  assert.ok(await page.getByText('"><script>alert(4)</script>').first().isVisible())

  const mail = await firstMail(platform.inboxUrl, 'hostile@example.com')
  assert.ok(mail.text.includes(TITLE), mail.text)
  assert.doesNotMatch(mail.html, /<script|<img[^>]+onerror/i)
  await page.goto(platform.inboxUrl)
  await page.getByRole('link', { name: placed.number }).first().click()
  assert.equal(await page.frameLocator('iframe').getByText(TITLE).count(), 1)
  await page.goto(trackingLink(mail))
  assert.ok(await page.getByText(TITLE).first().isVisible())
})

for (const path of [
  '/p/tidal-vase',
  '/p/tidal-vase?v=CER-TV01-EMB-2',
  '/us/p/moon-lantern',
  '/uk/p/pantry-jars',
])
  test(`the data for machines on ${path} say what people see`, async () => {
    await using looking = await visit(browser, { scripts: false })
    const { page } = looking
    await page.goto(platform.url + path)
    const [product] = await jsonLd(page, ['Product', 'ProductGroup'])
    assert.ok(product)
    assert.equal(product.name, await textOf(page.locator('h1')))
    const variants = (product.hasVariant ?? [product]) as JsonLd[]
    const sku = await textOf(page.locator('.facts div', { hasText: 'SKU' }).locator('dd'))
    const shown = variants.find(variant => variant.sku === sku)
    assert.ok(shown, `no variant ${sku}`)
    const offer = shown.offers as JsonLd
    const price = await textOf(page.locator('.buy .price'))
    assert.equal(Number(offer.price), amountOf(price))
    const signs: Record<string, string> = { EUR: '€', USD: '$', GBP: '£' }
    assert.ok(price.startsWith(signs[String(offer.priceCurrency)] ?? '?'), price)
    const isSoldOut = (await page.getByRole('button', { name: 'Sold out' }).count()) > 0
    assert.equal(String(offer.availability).endsWith('OutOfStock'), isSoldOut)
    for (const variant of variants) {
      const { url, price: asked } = variant.offers as JsonLd
      const answer = await fetch(String(url))
      assert.equal(answer.status, 200)
      const said = (await answer.text()).match(/class="price numbers">([^<]+)</)?.[1] ?? ''
      assert.equal(amountOf(said), Number(asked), String(url))
    }
    for (const image of new Set(variants.map(variant => String(variant.image))))
      assert.equal((await fetch(image)).status, 200, image)

    const [crumbs] = await jsonLd(page, ['BreadcrumbList'])
    const items = crumbs?.itemListElement as { position: number; name: string; item: string }[]
    const visible = await page.locator('.crumbs li').allTextContents()
    assert.deepEqual(
      items.map(({ name }) => name),
      visible.map(text => text.trim()),
    )
    const links = await page
      .locator('.crumbs a')
      .evaluateAll(all => all.map(link => (link as HTMLAnchorElement).href))
    assert.deepEqual(
      items.slice(0, -1).map(({ item }) => item.replace(/\/$/, '')),
      links.map(link => link.replace(/\/$/, '')),
    )
    for (const { item } of items) assert.equal((await fetch(item)).status, 200)
  })

type JsonLd = Record<string, unknown>

async function jsonLd(page: Page, types: readonly string[]): Promise<JsonLd[]> {
  const texts = await page.locator('script[type="application/ld+json"]').allTextContents()
  return texts.map(text => JSON.parse(text) as JsonLd).filter(data => types.includes(String(data['@type'])))
}

async function importHostileProduct(): Promise<void> {
  const imported = await staff.send('POST', '/admin/products/import', {
    products: [
      {
        slug: 'hostile',
        title: TITLE,
        summary: TITLE,
        description: DESCRIPTION,
        category: { slug: 'hostile', name: '<i>Hostile</i>', description: '<script>alert(6)</script>' },
        vendor: '<u>Vendor</u>',
        collections: [],
        options: [],
        attributes: { '<s>material</s>': ['<b>clay</b>'] },
        images: [],
        related: [],
        variants: [
          {
            sku: 'HOSTILE',
            options: {},
            color: null,
            prices: { EUR: 2500, USD: 2700, GBP: 2200 },
            weightGrams: 300,
            dimensionsMm: null,
            imageIndex: 0,
          },
        ],
      },
    ],
  })
  assert.equal(imported.status, 200, JSON.stringify(imported.body))
  await receive(staff, 'HOSTILE', 5, 'opening-hostile')
}

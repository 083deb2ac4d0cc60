import type { Product, Variant } from './store-api.ts'

export interface Choice {
  readonly option: string
  readonly values: readonly {
    readonly value: string
    readonly color: string | null
    readonly isChosen: boolean
    /** Where the value leads: the same other options if they exist, else the nearest variant that has it. */
    readonly variant: Variant
  }[]
}

/** The variant the address names, else the first that can be bought, else the first. */
export function chosenVariant(product: Product, sku: string | null): Variant | undefined {
  return (
    product.variants.find(variant => variant.sku === sku) ??
    product.variants.find(variant => variant.availability !== 'sold-out') ??
    product.variants[0]
  )
}

export function choicesFor(product: Product, chosen: Variant): Choice[] {
  return product.options.map(({ name, values }) => ({
    option: name,
    values: values.flatMap(value => {
      const candidates = product.variants.filter(variant => variant.options[name] === value)
      const [variant] = candidates.toSorted((a, b) => sharedOptions(b, chosen) - sharedOptions(a, chosen))
      if (!variant) return []
      const isColor = /^colou?r$/i.test(name)
      return [
        { value, color: isColor ? variant.color : null, isChosen: chosen.options[name] === value, variant },
      ]
    }),
  }))
}

function sharedOptions(a: Variant, b: Variant): number {
  return Object.entries(a.options).filter(([name, value]) => b.options[name] === value).length
}

import type { Currency } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { NewMarket, QuoteRules, ShippingRate } from './domain.ts'

export interface Market {
  readonly marketId: string
  readonly name: string
  readonly currency: Currency
  readonly locale: string
  readonly taxIncluded: boolean
  /** Only of rates above zero. */
  readonly taxNames: string[]
  readonly countries: { code: string; name: string }[]
  readonly defaultCountry: string
}

/** In order of creation, countries in the order in which they were given. */
export async function listMarkets(sql: Sql): Promise<Market[]> {
  return sql.query<Market>(
    `select market_id as "marketId", name, currency, locale, tax_included as "taxIncluded",
       default_country as "defaultCountry",
       array(select distinct tax_name from market_country
             where market_country.market_id = market.market_id
               and greatest(standard_rate_basis_points, reduced_rate_basis_points) > 0
             order by tax_name) as "taxNames",
       (select json_agg(json_build_object('code', code, 'name', name) order by position)
        from market_country where market_country.market_id = market.market_id) as countries
     from market order by rank`,
    [],
  )
}

/** Replaces the whole market: a reader sees the old one or the new one. Two writers take turns at the market's row. */
export async function replaceMarket(database: Database, market: NewMarket): Promise<void> {
  await database.transaction(async sql => {
    await sql.query(
      `insert into market (market_id, name, currency, locale, tax_included, default_country)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (market_id) do update set name = excluded.name, currency = excluded.currency,
         locale = excluded.locale, tax_included = excluded.tax_included, default_country = excluded.default_country`,
      [
        market.marketId,
        market.name,
        market.currency,
        market.locale,
        market.taxIncluded,
        market.defaultCountry,
      ],
    )
    await sql.query('delete from market_country where market_id = $1', [market.marketId])
    await sql.query('delete from shipping_rate where market_id = $1', [market.marketId])
    await sql.query(
      `insert into market_country (market_id, code, position, name, tax_name, standard_rate_basis_points,
         reduced_rate_basis_points)
       select $1, item->>'code', position, item->>'name', item->>'taxName',
         (item->>'standardRateBasisPoints')::int, (item->>'reducedRateBasisPoints')::int
       from jsonb_array_elements($2::jsonb) with ordinality as country (item, position)`,
      [market.marketId, JSON.stringify(market.countries)],
    )
    await sql.query(
      `insert into shipping_rate (market_id, shipping_rate_id, position, title, description, amount,
         free_from_amount, min_days, max_days)
       select $1, item->>'shippingRateId', position, item->>'title', item->>'description',
         (item->>'amount')::bigint, (item->>'freeFromAmount')::bigint, (item->>'minDays')::int,
         (item->>'maxDays')::int
       from jsonb_array_elements($2::jsonb) with ordinality as rate (item, position)`,
      [market.marketId, JSON.stringify(market.shippingRates)],
    )
  })
}

/** `unknown` names the field that fits no market. */
export async function findQuoteRules(
  sql: Sql,
  marketId: string,
  country: string,
): Promise<QuoteRules | { unknown: 'marketId' | 'country' }> {
  const [row] = await sql.query<{
    currency: Currency
    tax_included: boolean
    tax_name: string | null
    standard_rate: number | null
    reduced_rate: number | null
    rates: ShippingRate[]
  }>(
    `select currency, tax_included, tax_name, standard_rate_basis_points as standard_rate,
       reduced_rate_basis_points as reduced_rate,
       (select json_agg(json_build_object('shippingRateId', shipping_rate_id, 'title', title,
          'description', description, 'amount', amount, 'freeFromAmount', free_from_amount,
          'minDays', min_days, 'maxDays', max_days) order by position)
        from shipping_rate where shipping_rate.market_id = market.market_id) as rates
     from market
     left join market_country on market_country.market_id = market.market_id and code = $2
     where market.market_id = $1`,
    [marketId, country],
  )
  if (!row) return { unknown: 'marketId' }
  if (row.tax_name === null || row.standard_rate === null || row.reduced_rate === null)
    return { unknown: 'country' }
  return {
    currency: row.currency,
    taxIncluded: row.tax_included,
    taxName: row.tax_name,
    standardRateBasisPoints: row.standard_rate,
    reducedRateBasisPoints: row.reduced_rate,
    shippingRates: row.rates,
  }
}

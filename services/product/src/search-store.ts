import type { Currency } from '@storewright/kernel/money'
import type { Sql } from '@storewright/postgres/sql'
import type { Place, PlacedCard } from './store.ts'
import { CARD_COLUMNS } from './store.ts'

export interface SearchPage {
  readonly items: PlacedCard[]
  readonly total: number
  /** Only when nothing was found: each word that no product has, with words of ours that resemble it. */
  readonly unmatched: readonly { word: string; candidates: string[] }[]
}

/** As many words of the same start and about the same length as a query may look at, the most similar ones. */
const CANDIDATES_MAX = 300

/**
 * Text search is English whatever the server's default is. The last word may be half typed: it matches as a prefix,
 * unless it is one letter, which would rank nearly everything. Only the page's own products are read beyond their rank.
 */
const SEARCH = `with last as materialized (
    select to_tsquery('english', typed) || to_tsquery('simple', typed) as query
    from (select $2 || case when $2 ~ '^[a-z0-9]$' then '' else ':*' end as typed) as prefix
  ), asked as materialized (
    select to_tsquery('english', array_to_string($1::text[], ' & ')) && query as with_every,
      to_tsquery('english', array_to_string($1::text[], ' | ')) || query as with_some
    from last
  ), chosen as materialized (
    select case when $3 and not exists (select from product where search @@ (select with_every from asked))
      then with_some else with_every end as query
    from asked
  ), found as materialized (
    select product_id, (ts_rank(search, (select query from chosen)) * 1000000)::int as sort_value
    from product
    join listing using (product_id)
    where search @@ (select query from chosen) and listing.shelf = '' and listing.currency = $4
  )
  select (select count(*) from found) as total,
    (select json_agg(page) from (
      select ${CARD_COLUMNS}, found.sort_value
      from (
        select product_id, sort_value from found where (sort_value, product_id) < ($5::int, $6::text)
        order by sort_value desc, product_id desc limit $7::bigint
      ) as found
      join product using (product_id)
      join listing on listing.product_id = found.product_id and listing.shelf = '' and listing.currency = $4
      join category on category.slug = product.category_slug
      order by found.sort_value desc, found.product_id desc
    ) as page) as items,
    case when not exists (select from found) then (
      select json_agg(json_build_object('word', asked_word, 'candidates', candidates))
      from unnest($1::text[] || $2::text) with ordinality as typed (asked_word, place)
      cross join lateral (
        select coalesce(json_agg(word), '[]') as candidates from (
          select word from search_word
          where word % asked_word or (left(word, 1) = left(asked_word, 1)
            and length(word) between length(asked_word) - 1 and length(asked_word) + 1)
          order by similarity(word, asked_word) desc, word
          limit ${CANDIDATES_MAX}
        ) as near
      ) as nearby
      where numnode(to_tsquery('english', asked_word)) > 0
        and not exists (
          select from product
          where search @@ case when place > cardinality($1::text[]) then (select query from last)
                               else to_tsquery('english', asked_word) end
        )
    ) end as unmatched`

/** Scores are below one million (ts_rank is below 1). */
const START = [2_000_000_000, ''] as const

/**
 * Products with every word, best first; with `orSome` and none of those, products with some. `words` must come from
 * `queryWords`: they hold no operators.
 */
export async function searchCards(
  sql: Sql,
  search: {
    words: readonly string[]
    orSome: boolean
    currency: Currency
    after: Place | undefined
    limit: number
  },
): Promise<SearchPage> {
  const [value, productId] = search.after ? [search.after.value, search.after.productId] : START
  const [row] = await sql.query<{
    total: number
    items: PlacedCard[] | null
    unmatched: SearchPage['unmatched'] | null
  }>(SEARCH, [
    search.words.slice(0, -1),
    search.words.at(-1) ?? '',
    search.orSome,
    search.currency,
    value,
    productId,
    search.limit,
  ])
  return { items: row?.items ?? [], total: row?.total ?? 0, unmatched: row?.unmatched ?? [] }
}

/**
 * Title A, category and terms B, summary C, description D. The unstemmed words of A and B are there too, because a
 * half-typed word is no prefix of a stem: "lighti" finds "lighting", whose stem is "light".
 */
export async function indexProducts(
  sql: Sql,
  which: { productIds: readonly string[]; categorySlugs: readonly string[] },
): Promise<void> {
  await sql.query(
    `update product set search =
       setweight(to_tsvector('english', title) || to_tsvector('simple', title), 'A')
       || setweight(to_tsvector('english', category.name || ' ' || terms), 'B')
       || setweight(to_tsvector('simple', category.name || ' ' || terms), 'B')
       || setweight(to_tsvector('english', summary), 'C')
       || setweight(to_tsvector('english', product.description), 'D')
     from category
     where category.slug = product.category_slug
       and (product_id = any ($1::text[]) or product.category_slug = any ($2::text[]))`,
    [which.productIds, which.categorySlugs],
  )
}

/**
 * Adds the words that have come and drops those that no product has any more. Stop words never find anything, hence
 * never correct anything. Only for the holder of the catalog's lock: two would judge by half of the products each.
 */
export async function changeVocabulary(
  sql: Sql,
  change: { come: readonly string[]; gone: readonly string[] },
): Promise<void> {
  await sql.query(
    `insert into search_word (word)
     select distinct word from unnest($1::text[]) as come (word)
     where length(word) > 1 and numnode(plainto_tsquery('english', word)) > 0
     on conflict do nothing`,
    [change.come],
  )
  await sql.query(
    `delete from search_word where word = any ($1::text[])
       and not exists (select from product where search @@ plainto_tsquery('english', word))`,
    [change.gone],
  )
}

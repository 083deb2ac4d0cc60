import type { Sql } from '@storewright/postgres/sql'
import { LOW_STOCK_MAX } from './domain.ts'

export interface Violation {
  readonly invariant: string
  readonly subject: string
  readonly detail: string
}

/** Rows that should not exist. Columns as in `Violation`. */
const AUDIT = `
  with promised as (
    select line.sku, line.location_id,
      sum(quantity) filter (where state = 'held') as held, sum(quantity) filter (where state = 'committed') as committed
    from reservation_line as line join reservation on reservation.id = line.reservation_id
    where state in ('held', 'committed')
    group by line.sku, line.location_id
  ),
  booked as (
    select sku, location_id,
      sum(quantity) filter (where account in ('on_hand', 'allocated')) as on_hand,
      sum(quantity) filter (where account = 'allocated') as allocated,
      sum(quantity) filter (where account = 'shipped') as shipped,
      -sum(quantity) filter (where account = 'supplier') as received,
      sum(quantity) filter (where account = 'lost') as lost,
      -sum(quantity) filter (where account = 'returned') as returned
    from stock_entry group by sku, location_id
  ),
  place as (
    select coalesce(stock.sku, promised.sku, booked.sku)
        || ' at ' || coalesce(stock.location_id, promised.location_id, booked.location_id) as subject,
      coalesce(stock.on_hand, 0) as on_hand, coalesce(stock.reserved, 0) as reserved,
      coalesce(stock.allocated, 0) as allocated, coalesce(stock.shortage, 0) as shortage,
      coalesce(stock.on_hand - stock.safety + stock.backorder_limit, 0) as capacity,
      coalesce(stock.backorder_limit, 0) as backorder_limit,
      coalesce(held, 0) as held, coalesce(committed, 0) as committed,
      coalesce(booked.on_hand, 0) as booked_on_hand, coalesce(booked.allocated, 0) as booked_allocated,
      coalesce(shipped, 0) as shipped,
      coalesce(received, 0) - coalesce(lost, 0) + coalesce(returned, 0) as ever_had
    from stock full join promised using (sku, location_id) full join booked using (sku, location_id)
  ),
  total as (
    select sku, sum(on_hand - safety + backorder_limit + shortage - reserved - allocated) as available
    from stock group by sku
  ),
  published as (
    select aggregate_id as sku, count(*) as events, min(aggregate_seq) as first, max(aggregate_seq) as last,
      (array_agg(payload ->> 'availability' order by aggregate_seq desc))[1] as availability
    from outbox where aggregate_type = 'stock-item' group by aggregate_id
  )
  select 'reserved is the sum of held lines' as invariant, subject, reserved || ' <> ' || held as detail
    from place where reserved <> held
  union all
  select 'allocated and shipped are the sum of committed lines', subject, allocated + shipped || ' <> ' || committed
    from place where allocated + shipped <> committed
  union all
  select 'allocated is what the ledger says', subject, allocated || ' <> ' || booked_allocated
    from place where allocated <> booked_allocated
  union all
  select 'on hand is what the ledger says', subject, on_hand || ' <> ' || booked_on_hand
    from place where on_hand <> booked_on_hand
  union all
  select 'nothing is negative', subject, concat_ws(' ', on_hand, reserved, allocated, shortage)
    from place where least(on_hand, reserved, allocated, shortage) < 0
  union all
  select 'promises fit what is there', subject, reserved + allocated || ' > ' || capacity + shortage
    from place where reserved + allocated > capacity + shortage
  union all
  select 'a shortage is no larger than the promises beyond what is there', subject, shortage::text
    from place where shortage > greatest(0, reserved + allocated - capacity)
  union all
  select 'units sold are at most received - lost + returned', subject, allocated + shipped || ' > ' || ever_had
    from place where allocated + shipped > ever_had + backorder_limit + shortage
  union all
  select 'each transfer balances', transfer_id || ' of ' || sku, sum(quantity)::text
    from stock_entry group by transfer_id, sku having sum(quantity) <> 0
  union all
  select 'available is the sum over locations', stock_item.sku, stock_item.available || ' <> ' || total.available
    from stock_item join total using (sku) where stock_item.available <> total.available
  union all
  select 'the class is that of what is available', sku, availability || ' with ' || available
    from stock_item where availability <> case
      when available <= 0 then 'sold-out' when available <= ${LOW_STOCK_MAX} then 'low-stock' else 'in-stock' end
  union all
  select 'the last event says the class', stock_item.sku, published.availability || ' <> ' || stock_item.availability
    from stock_item join published using (sku)
    where published.availability <> stock_item.availability or published.last <> stock_item.version
  union all
  select 'events have no gap', sku, concat_ws(' ', first, last, events)
    from published where last - first + 1 <> events`

/**
 * Invariant I6 and what it rests on; empty when all is well. One statement, hence one snapshot: it may run at any
 * moment, also while shoppers reserve. The connection's search_path must be the inventory's schema.
 */
export async function auditInventory(sql: Sql): Promise<Violation[]> {
  return sql.query<Violation>(AUDIT, [])
}

-- Events of one service: those it publishes (outbox) and those it has heard (inbox). Lives in the service's own schema.

create table outbox (
  id             text primary key,
  -- Order of delivery inside a partition. Values commit out of order: never use one as a cursor (see frontier.ts).
  position       bigint generated always as identity,
  aggregate_type text not null,
  aggregate_id   text not null,
  aggregate_seq  bigint not null check (aggregate_seq >= 1),
  -- PARTITIONS in lease.ts is this 8. Same aggregate, same partition, hence one dispatcher and one order.
  partition      int not null generated always as ((hashtextextended(aggregate_id, 0) & 7)::int) stored,
  type           text not null,
  payload        jsonb not null,
  trace          text,
  occurred_at    timestamptz not null default now(),
  delivered      text[] not null default '{}',
  published_at   timestamptz,
  unique (aggregate_type, aggregate_id, aggregate_seq)
);

create index outbox_unpublished on outbox (partition, position) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;

create table outbox_partition (
  partition   int primary key,
  owner       text,
  lease_until timestamptz,
  lease_epoch bigint not null default 0
);

insert into outbox_partition (partition) select generate_series(0, 7);

-- Dispatchers that are alive, so that each takes its fair share of the partitions and gives up the rest.
create table outbox_process (
  owner       text primary key,
  alive_until timestamptz not null
);

create table inbox (
  aggregate_type text not null,
  aggregate_id   text not null,
  aggregate_seq  bigint not null,
  event_id       text not null unique,
  type           text not null,
  state          text not null check (state in ('processed', 'parked', 'dead')),
  payload        jsonb check ((payload is null) = (state = 'processed')),
  occurred_at    timestamptz not null,
  trace          text,
  attempts       int not null default 0,
  error          text,
  retry_at       timestamptz,
  received_at    timestamptz not null default now(),
  primary key (aggregate_type, aggregate_id, aggregate_seq)
);

create index inbox_unprocessed on inbox (aggregate_type, aggregate_id, aggregate_seq) where state <> 'processed';
create index inbox_received on inbox (received_at) where state = 'processed';

create table market (
  market_id       text collate "C" primary key,
  name            text not null,
  currency        text not null,
  locale          text not null,
  tax_included    boolean not null,
  default_country text not null,
  -- Order of creation: the first is what a shop shows to strangers.
  rank            bigint not null generated always as identity
);

create table market_country (
  market_id                  text collate "C" not null references market on delete cascade,
  code                       text collate "C" not null,
  position                   int not null,
  name                       text not null,
  tax_name                   text not null,
  standard_rate_basis_points int not null check (standard_rate_basis_points between 0 and 5000),
  reduced_rate_basis_points  int not null check (reduced_rate_basis_points between 0 and 5000),
  primary key (market_id, code)
);

-- Deferred: market and countries are written by two statements of one transaction.
alter table market add constraint default_country_is_sold_to
  foreign key (market_id, default_country) references market_country (market_id, code) deferrable initially deferred;

create table shipping_rate (
  market_id        text collate "C" not null references market on delete cascade,
  shipping_rate_id text collate "C" not null,
  position         int not null,
  title            text not null,
  description      text not null,
  amount           bigint not null check (amount >= 0),
  free_from_amount bigint check (free_from_amount >= 0),
  min_days         int not null,
  max_days         int not null,
  primary key (market_id, shipping_rate_id),
  check (min_days <= max_days)
);

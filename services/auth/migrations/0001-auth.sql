-- Secrets are random 256-bit values, so a plain SHA-256 of each is enough; the values themselves are never stored.
create table admin_link (
  token_hash bytea primary key check (length(token_hash) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

create table api_key (
  api_key_id text primary key,
  key_hash bytea not null unique check (length(key_hash) = 32),
  staff_id text not null,
  permissions text[] not null default '{*}',
  label text not null,
  created_at timestamptz not null default now(),
  -- written at most once a minute
  last_used_at timestamptz,
  revoked_at timestamptz
);

create index api_key_newest on api_key (created_at desc, api_key_id desc);

-- Replies to commands, kept beside their effects: the same command sent again gets the same reply.
create table idempotency (
  principal text not null,
  operation text not null,
  key text not null,
  body_hash text not null,
  -- null only inside the transaction that does the work
  reply jsonb,
  created_at timestamptz not null default now(),
  primary key (principal, operation, key)
);

create index idempotency_created_at on idempotency (created_at);

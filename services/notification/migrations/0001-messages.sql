create table message (
  id         text primary key,
  kind       text not null check (kind in ('order-confirmation')),
  channel    text not null check (channel in ('email')),
  recipient  text not null,
  subject    text not null,
  about_id   text not null,
  -- What the text is made from, when it is sent.
  payload    jsonb not null,
  state      text not null default 'queued' check (state in ('queued', 'sending', 'sent', 'failed')),
  attempts   int not null default 0,
  last_error text,
  -- How often staff sent it again. A resent message is another message to mail programs: it gets another Message-ID.
  resends    int not null default 0,
  -- queued: when to try; sending: when whoever sends is given up as dead. By the database's clock.
  due_at     timestamptz not null default now(),
  -- Rises with every claim, so that a sender given up as dead changes nothing when it comes back.
  epoch      bigint not null default 0,
  -- Temporary failures are retried until a set time after this.
  queued_at  timestamptz not null default now(),
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  unique (about_id, kind)
);

create index message_due on message (due_at) where state in ('queued', 'sending');
create index message_by_state on message (state, id);

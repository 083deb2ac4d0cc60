-- A caller of the API may bring the card with him: an intent is made, then confirmed with his token. The token stands in
-- page_request until it was used; what the provider refused is kept, to be answered again.
alter table payment add column decline jsonb;

alter table provider_call
  drop constraint provider_call_kind_check,
  add constraint provider_call_kind_check
    check (kind in ('open-page', 'create-intent', 'confirm-intent', 'capture', 'void', 'refund'));

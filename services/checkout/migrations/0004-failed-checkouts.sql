-- Failed checkouts by age, for the clean-up.
create index checkout_failed on checkout (updated_at) where state = 'failed';

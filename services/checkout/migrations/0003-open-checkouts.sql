-- Whether this shopper and this address may begin another checkout. Locks the two names until the transaction ends, the
-- smaller first, so that parallel requests of one shopper count one after the other; others never meet. Each statement
-- of a volatile function sees what was committed before it began: the count comes after the wait. In the statement that
-- inserts, the count would be as old as that statement.
create function may_open_checkout(the_owner text, the_email text, open_max int) returns boolean
language plpgsql volatile as $$
declare
  owner_lock bigint := hashtextextended('checkout owner ' || the_owner, 0);
  email_lock bigint := hashtextextended('checkout email ' || the_email, 0);
begin
  perform pg_advisory_xact_lock(least(owner_lock, email_lock));
  perform pg_advisory_xact_lock(greatest(owner_lock, email_lock));
  return (select count(*) from checkout where owner = the_owner and state not in ('completed', 'failed')) < open_max
    and (select count(*) from checkout where email = the_email and state not in ('completed', 'failed')) < open_max;
end $$;

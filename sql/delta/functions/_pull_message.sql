create or replace function syncwell._pull_message(p_items bigint)
returns text
language sql immutable security invoker parallel safe
return
case coalesce(p_items, 0)
  when 0 then 'Everything is up to date'
  when 1 then '1 item updated from cloud'
  else pg_catalog.format('%s items updated from cloud', p_items)
end;
comment on function syncwell._pull_message(bigint) is 'What a client may tell its user about a pull.';
revoke all on function syncwell._pull_message(bigint) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._pull_message(bigint) to syncwell_client;

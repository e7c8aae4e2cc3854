create or replace function syncwell._queue_default_keys()
returns text[]
language sql immutable security invoker parallel safe
return array['queue.source', 'queue.max_attempts', 'queue.max_payload', 'queue.notify']::text[];
comment on function syncwell._queue_default_keys() is
'The settings that queue_defaults holds.';
revoke all on function syncwell._queue_default_keys() from public;

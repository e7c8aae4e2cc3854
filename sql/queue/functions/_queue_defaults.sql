create or replace function syncwell._queue_defaults(
  p_org_id uuid,
  p_source text default null,
  p_platform text default null
)
returns table (
  source text,
  max_attempts integer,
  max_payload integer,
  notifies boolean
)
-- in such a form that it becomes part of the statement that calls it
language sql stable security invoker
begin atomic
  select
    max(e.value) filter (where e.key = 'queue.source') as source,
    (max(e.value) filter (where e.key = 'queue.max_attempts'))::integer as max_attempts,
    (max(e.value) filter (where e.key = 'queue.max_payload'))::integer as max_payload,
    (max(e.value) filter (where e.key = 'queue.notify'))::boolean as notifies
  from syncwell._effective_settings(p_org_id, p_source, p_platform) as e
  where e.key = any(syncwell._queue_default_keys());
end;
comment on function syncwell._queue_defaults(uuid, text, text) is
'The settings that every operation that is sent needs, as they hold for a source and platform of an org, in one look.';
revoke all on function syncwell._queue_defaults(uuid, text, text) from public;

create or replace function syncwell._settings(
  p_org_id uuid,
  p_source text default null,
  p_platform text default null
)
returns jsonb
language sql stable security invoker
begin atomic
  select jsonb_object_agg(e.key, e.value)
  from syncwell._effective_settings(p_org_id, p_source, p_platform) as e;
end;
comment on function syncwell._settings(uuid, text, text) is
'Every effective setting in one document, values as text: (_settings(org) ->> ''runs.failure_threshold'')::integer.';
revoke all on function syncwell._settings(uuid, text, text) from public;

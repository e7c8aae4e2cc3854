create or replace function syncwell._pulled_records(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_counts jsonb
)
returns jsonb
language sql stable security invoker
begin atomic
  -- a table that was sent in full: as many more as it has now and had not before. A caller may claim any numbers: what
  -- is none is left out, and none is so large that a sum of them fails for those who look
  select
    coalesce(
      (
        select jsonb_object_agg(r.key, r.value::bigint)
        from
          jsonb_each_text(case jsonb_typeof(p_counts -> 'records') when 'object' then p_counts -> 'records' end)
            as r (key, value)
        where r.value ~ '^-?[0-9]{1,12}$'
      ),
      '{}'
    ) || coalesce(
      (
        select jsonb_object_agg(r.key, r.value::bigint - coalesce((d.records ->> r.key)::bigint, 0))
        from
          jsonb_each_text(case jsonb_typeof(p_counts -> 'replaced') when 'object' then p_counts -> 'replaced' end)
            as r (key, value)
        left join syncwell.sync_devices as d
          on d.org_id = p_org_id and d.user_id = p_user_id and d.device_id = p_device_id
        where r.value ~ '^-?[0-9]{1,12}$'
      ),
      '{}'
    );
end;
comment on function syncwell._pulled_records(uuid, uuid, text, jsonb) is
'How many records of each table a device has after a pull (first, replacement), or how many more (delta).';
revoke all on function syncwell._pulled_records(uuid, uuid, text, jsonb) from public;

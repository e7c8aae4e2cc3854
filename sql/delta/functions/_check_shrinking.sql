create or replace function syncwell._check_shrinking(
  p_org_id uuid,
  p_user_id uuid,
  p_device_id text,
  p_kind text,
  p_covers integer[],
  p_records jsonb,
  p_hidden bigint
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_device syncwell.sync_devices;
  v_snapshot pg_snapshot;
  v_limit bigint;
  v_before bigint;
  v_lost bigint;
begin
  if p_kind = 'first' or (p_kind = 'delta' and p_hidden = 0) then
    return;
  end if;
  select d.* into v_device
  from syncwell.sync_devices as d
  where d.org_id = p_org_id and d.user_id = p_user_id and d.device_id = p_device_id;
  if v_device.may_shrink or (p_kind = 'replacement' and v_device.records is null) then
    return;
  end if;
  v_limit := syncwell._setting(p_org_id, 'delta.shrink_records')::bigint;

  if p_kind = 'delta' then
    v_lost := p_hidden;
    select coalesce(sum(r.value::bigint), 0) into v_before from jsonb_each_text(v_device.records) as r (key, value);
  else
    select c.snapshot into v_snapshot
    from syncwell.sync_cursors as c
    where c.org_id = p_org_id and c.user_id = p_user_id and c.cursor = v_device.cursor;
    select
      coalesce(sum(r.value::bigint), 0),
      coalesce(
        sum(greatest(r.value::bigint - coalesce((p_records ->> r.key)::bigint, 0), 0)) filter (
          -- truncated since, as far as can be known
          where t.reset_xid is null or pg_visible_in_snapshot(t.reset_xid, v_snapshot)
        ),
        0
      )
    into v_before, v_lost
    from jsonb_each_text(v_device.records) as r (key, value)
    join syncwell.synced_tables as t on t.table_id = r.key::integer
    where p_covers is null or t.table_id = any (p_covers);
    if v_lost > v_limit and 2 * v_lost > v_before then
      v_lost := v_lost - (
        select count(*)
        from syncwell.record_changes as c
        where c.scope in (p_user_id, p_org_id) and c.deleted_at is not null
      ) - (
        select coalesce(sum(h.purged), 0) from syncwell.sync_horizons as h where h.scope in (p_user_id, p_org_id)
      );
    end if;
  end if;

  if v_lost > v_limit and 2 * v_lost > v_before then
    raise exception using
      errcode = 'SW307',
      message = 'the pull would delete most of the device''s records',
      detail = format(
        'Of about %s records it would lose %s that nobody is known to have deleted: more likely a policy hides them.',
        greatest(v_before, v_lost), v_lost
      ),
      hint = 'Where that is right, an operator lets it happen once with invalidate_client().';
  end if;
end
$$;
comment on function syncwell._check_shrinking(uuid, uuid, text, text, integer[], jsonb, bigint) is
'Refuses a pull that takes more than setting delta.shrink_records and more than half of a device''s records from it, '
'without deletions that explain it: hidden ones in a delta, missing ones in a replacement. invalidate_client() allows '
'it for one pull. Errors: SW307.';
revoke all on function syncwell._check_shrinking(uuid, uuid, text, text, integer[], jsonb, bigint) from public;

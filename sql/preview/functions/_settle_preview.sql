create or replace function syncwell._settle_preview()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_limit bigint;
begin
  if tg_op = 'INSERT' then
    -- policies are asked only after this trigger: until then nothing of another org may be looked at
    if new.org_id is distinct from syncwell.current_org_id()
      and not pg_has_role(session_user, 'syncwell_owner', 'member')
    then
      raise exception using
        errcode = '42501',
        message = 'previews are written for one''s own org only',
        detail = 'org_id is not the caller''s org.',
        hint = 'Leave org_id out: it is the caller''s.';
    end if;
    perform syncwell._check_sync_type(new.org_id, new.sync_type);
    new.computed_at := coalesce(new.computed_at, v_now);
    -- one that nobody sees any more must not be in the way
    delete from syncwell.sync_preview_cache as c
    where c.org_id = new.org_id and c.cache_key = new.cache_key and c.expires_at <= v_now;
  elsif new.computed_at = old.computed_at then
    new.computed_at := v_now;
    if new.expires_at = old.expires_at then
      new.expires_at := null;
    end if;
  end if;
  new.expires_at := coalesce(
    new.expires_at, new.computed_at + syncwell._setting(new.org_id, 'preview.ttl', new.sync_type)::interval
  );
  if new.computed_at = '-infinity' then
    -- the place of one that is being computed
    new.new_count := 0;
    new.updated_count := 0;
    new.deleted_count := 0;
    new.bytes := 0;
    return new;
  end if;
  new.delta_json := syncwell._settled_delta(new.delta_json);
  new.new_count := (new.delta_json #>> '{statistics,new_count}')::bigint;
  new.updated_count := (new.delta_json #>> '{statistics,updated_count}')::bigint;
  new.deleted_count := (new.delta_json #>> '{statistics,deleted_count}')::bigint;
  new.bytes := octet_length(new.delta_json::text);
  v_limit := syncwell._setting(new.org_id, 'preview.max_bytes', new.sync_type)::bigint;
  if new.bytes > v_limit then
    raise exception using
      errcode = 'SW703',
      message = 'the preview is too large',
      detail = format('It has %s bytes; setting preview.max_bytes is %s.', new.bytes, v_limit),
      hint = 'Preview a part of the records at a time.';
  end if;
  return new;
end
$$;
comment on function syncwell._settle_preview() is
'Trigger: keeps what a preview''s writer leaves out (computed_at, expires_at, statistics, counts, bytes), removes the '
'expired one of the same key. Errors: 22004, 22023 valid for too long, 42501 another org''s, SW703, SW705, SW706.';
revoke all on function syncwell._settle_preview() from public;

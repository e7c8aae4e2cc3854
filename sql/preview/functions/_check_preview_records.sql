create or replace function syncwell._check_preview_records(
  p_name text,
  p_records jsonb,
  p_key text
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_fault record;
begin
  if p_records is null or p_key is null then
    raise exception using
      errcode = '22004',
      message = 'records to compare are missing',
      detail = format('%s is NULL.', case when p_records is null then p_name else 'p_key' end),
      hint = 'Pass [] for none: coalesce(jsonb_agg(…), ''[]'').';
  end if;
  if jsonb_typeof(p_records) <> 'array' then
    raise exception using
      errcode = 'SW701',
      message = 'this is no set of records',
      detail = format('%s is of type %s.', p_name, jsonb_typeof(p_records)),
      hint = 'Pass an array of objects.';
  end if;
  select r.record_key is null as is_keyless, min(r.place) - 1 as place, max(r.place) - 1 as other
  into v_fault
  from syncwell._preview_records(p_records, p_key) as r
  group by r.record_key
  having r.record_key is null or count(*) > 1
  order by 2
  limit 1;
  if not found then
    return;
  end if;
  -- by their places: what is in a record stays out of logs
  if v_fault.is_keyless then
    raise exception using
      errcode = 'SW701',
      message = 'a record has no key',
      detail = format('In %s, record %s (from 0) is no object, or its key is no text or number.', p_name, v_fault.place),
      hint = 'Name in p_key the member that tells the records apart; id when left out.';
  end if;
  raise exception using
    errcode = 'SW702',
    message = 'two records have the same key',
    detail = format('In %s, records %s and %s (from 0).', p_name, v_fault.place, v_fault.other),
    hint = 'Keys are compared as text: 1 and "1" are the same.';
end
$$;
comment on function syncwell._check_preview_records(text, jsonb, text) is
'Refuses what can''t be compared: NULL (22004), no array of objects with a text or number under p_key (SW701), a key '
'that comes twice (SW702).';
revoke all on function syncwell._check_preview_records(text, jsonb, text) from public;
-- compute_preview_delta runs with the caller's rights
grant execute on function syncwell._check_preview_records(text, jsonb, text)
to syncwell_client, syncwell_reader, syncwell_worker;

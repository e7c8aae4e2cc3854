create or replace function syncwell._check_local_id(
  p_name text,
  p_value text,
  p_max integer
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_value is null or p_value = '' then
    raise exception using
      errcode = case when p_value is null then '22004' else '22023' end,
      message = 'a name is needed',
      detail = format('%s is %s.', p_name, case when p_value is null then 'NULL' else 'empty' end),
      hint = format('Pass 1 to %s characters.', p_max);
  end if;
  perform syncwell._check_text(p_name, p_value, p_max);
end
$$;
comment on function syncwell._check_local_id(text, text, integer) is
'Refuses a name that is NULL (22004), empty (22023) or longer than p_max characters (22001).';
revoke all on function syncwell._check_local_id(text, text, integer) from public;

create or replace function syncwell._plain_json(p_value anyelement)
returns text
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set extra_float_digits = '1'
as $$
  select to_json(p_value)::text;
$$;
comment on function syncwell._plain_json(anyelement) is
'A value as JSON text, the same in every session, whatever its settings for dates, intervals and time zone.';
revoke all on function syncwell._plain_json(anyelement) from public;
-- the views of synced tables call it with their readers' rights
grant execute on function syncwell._plain_json(anyelement)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

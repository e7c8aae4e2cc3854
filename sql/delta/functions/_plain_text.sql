create or replace function syncwell._plain_text(p_value anyelement)
returns text
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
set datestyle = 'ISO, YMD'
set intervalstyle = 'postgres'
set timezone = 'UTC'
set extra_float_digits = '1'
as $$
  select p_value::text;
$$;
comment on function syncwell._plain_text(anyelement) is
'A value as text, the same in every session, whatever its settings for dates, intervals and time zone.';
revoke all on function syncwell._plain_text(anyelement) from public;
-- the views of synced tables call it with their readers' rights
grant execute on function syncwell._plain_text(anyelement)
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

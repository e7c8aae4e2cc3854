create or replace function syncwell._check_metadata(
  p_metadata jsonb,
  p_max integer
)
returns void
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if octet_length(p_metadata::text) > p_max then
    raise exception using
      errcode = 'SW503',
      message = 'the metadata of the session are too large',
      detail = format('They have %s bytes; at most %s are taken.', octet_length(p_metadata::text), p_max),
      hint = 'Send what is large as records of the session, or raise setting ingest.max_row.';
  end if;
end
$$;
comment on function syncwell._check_metadata(jsonb, integer) is
'Refuses (SW503) metadata of a session with more than p_max bytes; NULL passes.';
revoke all on function syncwell._check_metadata(jsonb, integer) from public;

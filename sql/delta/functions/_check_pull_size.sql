create or replace function syncwell._check_pull_size(
  p_bytes bigint,
  p_max_bytes bigint
)
returns void
language plpgsql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_bytes > p_max_bytes then
    raise exception using
      errcode = 'SW303',
      message = 'the answer of the pull is too large',
      detail = format('It would have more than %s bytes, setting delta.max_bytes.', p_max_bytes),
      hint = 'Pull page by page (p_limit), or with open_pull_stream().';
  end if;
end
$$;
comment on function syncwell._check_pull_size(bigint, bigint) is
'Refuses an answer larger than p_max_bytes. Errors: SW303.';
revoke all on function syncwell._check_pull_size(bigint, bigint) from public;
-- sync_pull() runs with its caller's rights
grant execute on function syncwell._check_pull_size(bigint, bigint) to syncwell_client;

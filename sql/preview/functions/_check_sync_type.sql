create or replace function syncwell._check_sync_type(
  p_org_id uuid,
  p_sync_type text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_built_in constant text[] := array['woocommerce', 'odoo', 'shopify', 'custom'];
begin
  if p_sync_type is null then
    raise exception using
      errcode = '22004',
      message = 'a sync type is needed',
      detail = 'It is NULL.',
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
  if p_sync_type <> all(c_built_in)
    and (
      length(p_sync_type) not between 1 and 63
      or p_sync_type <> all(
        string_to_array(
          regexp_replace(syncwell._setting(p_org_id, 'preview.sync_types'), '[[:space:]]', '', 'g'),
          ','
        )
      )
    )
  then
    raise exception using
      errcode = 'SW706',
      message = 'unknown sync type',
      detail = format('%L is neither built in nor listed in setting preview.sync_types.', left(p_sync_type, 100)),
      hint = format('Built in are: %s.', array_to_string(c_built_in, ', '));
  end if;
end
$$;
comment on function syncwell._check_sync_type(uuid, text) is
'Refuses a sync type that is NULL (22004), or neither built in nor in setting preview.sync_types (SW706).';
revoke all on function syncwell._check_sync_type(uuid, text) from public;

create or replace function syncwell._check_operation_ids(
  p_operation_ids uuid[],
  p_lease_token uuid
)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_operation_ids is null or p_lease_token is null or array_position(p_operation_ids, null) is not null then
    raise exception using
      errcode = '22004',
      message = 'operations and their lease are needed',
      detail = 'p_operation_ids or p_lease_token is NULL.',
      hint = 'Pass operation_id and lease_token as claim_operations() gave them.';
  end if;
  if cardinality(p_operation_ids) > 1000 then
    raise exception using
      errcode = '22023',
      message = 'too many operations',
      detail = format('p_operation_ids has %s.', cardinality(p_operation_ids)),
      hint = 'Pass at most 1000.';
  end if;
end
$$;
comment on function syncwell._check_operation_ids(uuid[], uuid) is
'Refuses what can be no claimed operations: 22004 for NULL, 22023 for more than 1000.';
revoke all on function syncwell._check_operation_ids(uuid[], uuid) from public;

create or replace function syncwell._settled(
  p_stored uuid[],
  p_more uuid[]
)
returns uuid[]
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_all uuid[] := p_stored;
  v_id uuid;
begin
  foreach v_id in array coalesce(p_more, array[]::uuid[]) loop
    if v_id is not null and v_id <> all (coalesce(v_all, array[]::uuid[])) then
      v_all := v_all || v_id;
    end if;
  end loop;
  return v_all[cardinality(v_all) - 15 :];
end
$$;
comment on function syncwell._settled(uuid[], uuid[]) is
'What is settled with more of it: each version once, the newest 16, NULL for none.';
revoke all on function syncwell._settled(uuid[], uuid[]) from public;

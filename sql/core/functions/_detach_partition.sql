create or replace function syncwell._detach_partition(
  p_table text,
  p_partition text
)
returns text
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := p_partition || '_detached';
  v_number integer := 1;
begin
  -- the month may come again, healed from rows that were late
  while to_regclass('syncwell.' || quote_ident(v_name)) is not null loop
    v_number := v_number + 1;
    v_name := format('%s_detached_%s', p_partition, v_number);
  end loop;
  -- not CONCURRENTLY: that is refused where there is a default partition
  execute format('alter table syncwell.%I detach partition syncwell.%I', p_table, p_partition);
  execute format('alter table syncwell.%I rename to %I', p_partition, v_name);
  return v_name;
end
$$;
comment on function syncwell._detach_partition(text, text) is
'Makes a partition a table of its own, by a name that leaves its month''s free; returns that name. Its row-level '
'security stays on, without a policy, and nobody has rights on it.';
revoke all on function syncwell._detach_partition(text, text) from public;

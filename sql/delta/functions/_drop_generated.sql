create or replace function syncwell._drop_generated(p_table_id integer)
returns void
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
  v_function text;
begin
  select t.table_name into strict v_name from syncwell.synced_tables as t where t.table_id = p_table_id;
  for v_function in
    select p.oid::regprocedure::text
    from pg_proc as p
    where p.pronamespace = 'syncwell_tables'::regnamespace
      and p.proname ~ ('^' || v_name || '_(inserted|updated|deleted|truncated|replicated|pull\w*|push\w*)$')
      -- what a trigger still needs is replaced in place
      and not exists (select from pg_trigger as g where g.tgfoid = p.oid)
  loop
    execute format('drop function %s', v_function);
  end loop;
  execute format('drop view if exists syncwell_tables.%I', v_name);
end
$$;
comment on function syncwell._drop_generated(integer) is
'Drops what _generate_table() made, but for trigger functions that a trigger still calls.';
revoke all on function syncwell._drop_generated(integer) from public;

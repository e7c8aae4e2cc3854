create or replace function syncwell._begin_import(
  p_import text,
  p_kind text,
  p_is_dry_run boolean,
  out last_key text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into syncwell.imports (name, kind, is_dry_run, started_at, updated_at)
  values (p_import, p_kind, p_is_dry_run, syncwell._now(), syncwell._now())
  on conflict (name, kind, is_dry_run) do nothing;
  -- two at once go on one after the other
  select i.last_key into last_key
  from syncwell.imports as i
  where i.name = p_import and i.kind = p_kind and i.is_dry_run = p_is_dry_run
  for update;
end
$$;
comment on function syncwell._begin_import(text, text, boolean) is
'Where an import goes on: after last_key (NULL: at the beginning). Nobody else goes on with it in the meantime.';
revoke all on function syncwell._begin_import(text, text, boolean) from public;
-- import_existing() runs as its caller, as its query must
grant execute on function syncwell._begin_import(text, text, boolean) to syncwell_operator;

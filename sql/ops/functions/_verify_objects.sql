create or replace function syncwell._verify_objects()
returns setof syncwell.install_finding
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
  select
    case coalesce(i.kind, c.kind) when 'grant' then 'grants' else 'objects' end,
    case when i.name is null and c.kind in ('table', 'column', 'constraint', 'index') then 'warning' else 'error' end,
    format('%s %s', coalesce(i.kind, c.kind), coalesce(i.name, c.name)),
    case
      when c.name is null then 'The migrations made it, and it is gone.'
      when i.name is null then 'The migrations did not make it.'
      else 'It is not as the migrations made it.'
    end,
    case
      when c.name is null and i.kind = 'grant' then 'grant ' || i.name
      when i.name is null and c.kind = 'grant' then 'revoke ' || regexp_replace(c.name, ' to ([^ ]+)$', ' from \1')
      when i.name is null then 'Objects of your own belong in a schema of your own: move it there.'
      else 'Find out who changed it; the text that was applied stands in sql/migrations.'
    end
  from syncwell.installed_objects as i
  full join syncwell._catalog_objects() as c on c.kind = i.kind and c.name = i.name
  where i.definition_hash is distinct from c.definition_hash;
end
$$;
comment on function syncwell._verify_objects() is
'Where the schema differs from what the migrations left behind: objects and grants that are missing, changed or new.';
revoke all on function syncwell._verify_objects() from public;

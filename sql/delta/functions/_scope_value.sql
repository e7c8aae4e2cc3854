create or replace function syncwell._scope_value(
  p_alias text,
  p_relation regclass,
  p_column name
)
returns text
language sql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when syncwell._base_type(a.atttypid) = 'uuid'::regtype then format('%I.%I', p_alias, p_column)
      -- in one spelling only: else two rows could be one record
      else format(
        'case when %1$I.%2$I ~ ''^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'' then %1$I.%2$I::uuid end',
        p_alias, p_column
      )
    end
  from pg_attribute as a
  where a.attrelid = p_relation and a.attname = p_column;
$$;
comment on function syncwell._scope_value(text, regclass, name) is
'SQL for whose a row is, by a column of type uuid or text: NULL, nobody''s, where a text is no uuid in its usual '
'spelling.';
revoke all on function syncwell._scope_value(text, regclass, name) from public;

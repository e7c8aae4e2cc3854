create or replace function syncwell._column_rules(
  p_table regclass,
  p_key name[],
  p_columns text[],
  p_encodings jsonb,
  p_read_only text[]
)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_names text[] := p_columns;
  v_bad text;
  v_hint text;
begin
  if jsonb_typeof(p_encodings) <> 'object' then
    perform syncwell._refuse_table('p_encodings is no object.', 'For example {"due_at": "iso"}.');
  end if;
  if v_names is null then
    select coalesce(array_agg(a.attname order by a.attnum), '{}') into v_names
    from pg_attribute as a
    where a.attrelid = p_table and a.attnum > 0 and not a.attisdropped and a.attname <> all (p_key);
  end if;

  select n.name into v_bad
  from unnest(v_names) as n (name)
  where not exists (
    select from pg_attribute as a
    where a.attrelid = p_table and a.attname = n.name and a.attnum > 0 and not a.attisdropped
  )
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('%s has no column %s.', p_table, coalesce(quote_ident(v_bad), 'NULL')),
      'p_columns lists columns of the table.'
    );
  end if;
  select n.name into v_bad from unnest(v_names) as n (name) group by n.name having count(*) > 1 limit 1;
  if found then
    perform syncwell._refuse_table(format('The column %I is listed twice.', v_bad), 'Once is enough.');
  end if;
  select n.name into v_bad
  from unnest(v_names) as n (name)
  where n.name = p_key[1]
    or n.name !~ '^[A-Za-z][A-Za-z0-9_]*$'
    or n.name in ('id', 'constructor', 'prototype', 'toString')
  limit 1;
  if found then
    perform syncwell._refuse_table(
      case
        when v_bad = p_key[1] then format('The column %I is sent as id already.', v_bad)
        else format('No client takes a column %I.', v_bad)
      end,
      'List the columns to sync as p_columns: letters, digits and _, a letter first; not id, constructor, prototype, '
      'toString.'
    );
  end if;

  select e.name into v_bad
  from (
    select k.name from jsonb_object_keys(p_encodings) as k (name)
    union all
    select r.name from unnest(p_read_only) as r (name)
  ) as e
  where e.name is null or e.name <> all (v_names)
  limit 1;
  if found then
    perform syncwell._refuse_table(
      format('The column %s is not among those that are synced.', coalesce(quote_ident(v_bad), 'NULL')),
      'p_encodings and p_read_only name columns that are synced.'
    );
  end if;
  select
    format(
      'The column %I of type %s can not be sent as %s.', e.name, format_type(a.atttypid, a.atttypmod),
      coalesce(e.encoding, 'NULL')
    ),
    format('Possible for it: %s.', array_to_string(syncwell._encodings(a.atttypid), ', '))
  into v_bad, v_hint
  from jsonb_each_text(p_encodings) as e (name, encoding)
  inner join pg_attribute as a on a.attrelid = p_table and a.attname = e.name
  where e.encoding is null or e.encoding <> all (syncwell._encodings(a.atttypid))
  limit 1;
  if found then
    perform syncwell._refuse_table(v_bad, v_hint);
  end if;

  return coalesce(
    (
      select
        jsonb_agg(
          jsonb_build_object(
            'column_name', n.name,
            'position', n.position,
            'column_type', a.atttypid::regtype,
            'encoding', coalesce(p_encodings ->> n.name, (syncwell._encodings(a.atttypid))[1]),
            'writable',
            a.attgenerated = '' and a.attidentity <> 'a' and n.name <> all (p_read_only) and n.name <> all (p_key)
          )
          order by n.position
        )
      from unnest(v_names) with ordinality as n (name, position)
      inner join pg_attribute as a on a.attrelid = p_table and a.attname = n.name
    ),
    '[]'
  );
end
$$;
comment on function syncwell._column_rules(regclass, name[], text[], jsonb, text[]) is
'The rows of synced_columns for a table: p_columns, or all but those of p_key (id, owner, org), each as its type is '
'sent unless p_encodings says otherwise. What is generated, p_read_only or in the key is sent but never written. '
'Errors: SW302.';
revoke all on function syncwell._column_rules(regclass, name[], text[], jsonb, text[]) from public;

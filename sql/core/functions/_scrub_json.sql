create or replace function syncwell._scrub_json(p_value jsonb)
returns jsonb
language plpgsql immutable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then (
      select coalesce(
        jsonb_object_agg(
          e.key,
          case
            when e.key ~* '(password|passwd|passphrase|secret|api[_-]?key|token|authorization|cookie)$'
              then '"***"'::jsonb
            else syncwell._scrub_json(e.value)
          end
        ),
        '{}'
      )
      from jsonb_each(p_value) as e
    )
    when 'array' then (
      select coalesce(jsonb_agg(syncwell._scrub_json(e.value) order by e.ordinality), '[]')
      from jsonb_array_elements(p_value) with ordinality as e
    )
    when 'string' then to_jsonb(syncwell._scrub_secrets(p_value #>> '{}'))
    else p_value
  end;
end
$$;
comment on function syncwell._scrub_json(jsonb) is
'The document with secrets replaced by ***: values under names such as password or token, and what _scrub_secrets() '
'finds in texts.';
revoke all on function syncwell._scrub_json(jsonb) from public;

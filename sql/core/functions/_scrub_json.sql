create or replace function syncwell._scrub_json(
  p_value jsonb,
  p_depth integer default 0
)
returns jsonb
language plpgsql immutable strict security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  -- nearly all of nearly every document holds nothing that could be a secret, and is passed as it is
  if p_value::text !~* '://|bearer|basic|eyJ|passw|passphrase|pwd|secret|api[_-]?key|token|authorization|cookie' then
    return p_value;
  end if;
  -- the stack of the server ends somewhere, and an error must be recorded whatever its details are
  if p_depth >= 64 then
    return to_jsonb('***'::text);
  end if;
  return case jsonb_typeof(p_value)
    when 'object' then (
      select jsonb_object_agg(
        e.key,
        case
          when e.key ~* '(password|passwd|passphrase|secret|api[_-]?key|token|authorization|cookie)$'
            then '"***"'::jsonb
          else syncwell._scrub_json(e.value, p_depth + 1)
        end
      )
      from jsonb_each(p_value) as e
    )
    when 'array' then (
      select jsonb_agg(syncwell._scrub_json(e.value, p_depth + 1) order by e.ordinality)
      from jsonb_array_elements(p_value) with ordinality as e
    )
    when 'string' then to_jsonb(syncwell._scrub_secrets(p_value #>> '{}'))
    else p_value
  end;
end
$$;
comment on function syncwell._scrub_json(jsonb, integer) is
'The document with secrets replaced by ***: values under names such as password or token, what _scrub_secrets() '
'finds in texts, and what lies deeper than 64 levels and might hold one.';
revoke all on function syncwell._scrub_json(jsonb, integer) from public;

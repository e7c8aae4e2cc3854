create or replace function syncwell._push_differs(
  p_value text,
  p_stored text,
  p_encoding text,
  p_type regtype
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case p_encoding
      -- as a device counts: in doubles
      when 'number' then format(
        'nullif(%1$s, '''')::%3$s is distinct from %2$s::%3$s', p_value, p_stored,
        case when p_type = 'real'::regtype then 'real' else 'double precision' end
      )
      when 'boolean' then format('nullif(%s, '''')::boolean is distinct from %s::boolean', p_value, p_stored)
      when 'json' then format(
        '%1$s is distinct from %2$s::text and nullif(%1$s, '''')::jsonb is distinct from %2$s::jsonb', p_value, p_stored
      )
      when 'base64' then format(
        'pg_catalog.decode(%s, ''base64'') is distinct from pg_catalog.decode(%s, ''base64'')', p_value, p_stored
      )
      when 'iso' then format(
        '%1$s is distinct from %2$s::text and pg_catalog.date_trunc(''milliseconds'', (%3$s)::timestamp)'
        ' is distinct from pg_catalog.date_trunc(''milliseconds'', (%4$s)::timestamp)',
        p_value, p_stored, syncwell._push_decoded(p_value, 'iso', p_type),
        syncwell._push_decoded(p_stored, 'iso', p_type)
      )
      when 'text' then format('%s is distinct from %s::text', p_value, p_stored)
      else format(
        'nullif(%s, '''')::double precision is distinct from %s::double precision', p_value, p_stored
      )
    end
  );
end
$$;
comment on function syncwell._push_differs(text, text, text, regtype) is
'SQL that tells whether p_value, what a device sent as text, differs from p_stored, what a device would be sent now: '
'numbers as doubles, JSON as jsonb, ISO times to the millisecond. Finer digits than a device can have don''t count.';
revoke all on function syncwell._push_differs(text, text, text, regtype) from public;

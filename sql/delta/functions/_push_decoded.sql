create or replace function syncwell._push_decoded(
  p_value text,
  p_encoding text,
  p_type regtype
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type text;
  v_base oid := p_type;
  v_base_row pg_type;
  v_element text;
  -- a device has no NULL in a column that is not optional, but an empty text
  v_given constant text := format('nullif(%s, '''')', p_value);
  v_time text;
begin
  select format('%I.%I', n.nspname, t.typname) into v_type
  from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
  where t.oid = p_type;
  loop
    select t.* into v_base_row from pg_type as t where t.oid = v_base;
    exit when v_base_row.typtype <> 'd';
    v_base := v_base_row.typbasetype;
  end loop;
  case p_encoding
    when 'number' then
      if v_base in ('real'::regtype, 'double precision'::regtype, 'numeric'::regtype) then
        -- JSON has no such numbers; and what is out of a double's range would come back as infinite
        return format(
          '(case when %1$s::double precision <> all (''{NaN,Infinity,-Infinity}'') then %1$s::%2$s end)::%3$s',
          v_given, v_base::regtype, v_type
        );
      end if;
      return format('(%s::numeric)::%s', v_given, v_type);
    when 'epoch_ms', 'epoch_s' then
      v_time := format(
        'pg_catalog.to_timestamp(%s::double precision%s)', v_given,
        case when p_encoding = 'epoch_ms' then ' / 1000' else '' end
      );
      if v_base <> 'timestamptz'::regtype then
        v_time := format('(%s at time zone ''UTC'')', v_time);
      end if;
      return format('%s::%s', v_time, v_type);
    when 'iso' then
      v_time := format(
        '(case when %1$s ~ ''([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'' and %1$s ~ '':'' then %1$s::timestamptz'
        ' else %1$s::timestamp at time zone ''UTC'' end)',
        v_given
      );
      if v_base <> 'timestamptz'::regtype then
        v_time := format('(%s at time zone ''UTC'')', v_time);
      end if;
      return format('%s::%s', v_time, v_type);
    when 'json' then
      if v_base_row.typelem <> 0 and v_base_row.typcategory = 'A' then
        select format('%I.%I', n.nspname, t.typname) into v_element
        from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
        where t.oid = v_base_row.typelem;
        return format(
          '(case when %1$s is not null then (select coalesce(pg_catalog.array_agg(e.value::%2$s order by e.position),'
          ' ''{}'') from pg_catalog.json_array_elements_text(%1$s::json) with ordinality as e (value, position)) end)'
          '::%3$s',
          v_given, v_element, v_type
        );
      elsif v_base_row.typtype = 'c' then
        return format('pg_catalog.json_populate_record(null::%s, %s::json)', v_type, v_given);
      end if;
      return format('%s::%s', v_given, v_type);
    when 'base64' then
      return format('pg_catalog.decode(%s, ''base64'')::%s', p_value, v_type);
    when 'boolean' then
      return format('(%s::boolean)::%s', v_given, v_type);
    else
      return case when v_base_row.typcategory = 'S' then p_value else v_given end || '::' || v_type;
  end case;
end
$$;
comment on function syncwell._push_decoded(text, text, regtype) is
'SQL that turns p_value, an SQL expression for what a device sent as text, into a value of type p_type by the '
'column''s encoding. An empty text is NULL where the type has no empty text; times without a zone are UTC.';
revoke all on function syncwell._push_decoded(text, text, regtype) from public;

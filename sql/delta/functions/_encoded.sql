create or replace function syncwell._encoded(
  p_value text,
  p_type regtype,
  p_encoding text
)
returns text
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type pg_type;
  -- types whose text is the same under all settings; what is not here is rare, and pays for a function call
  c_steady constant regtype[] := array[
    'text', 'varchar', 'character', 'name', '"char"', 'uuid', 'boolean', 'smallint', 'integer', 'bigint', 'numeric',
    'json', 'jsonb', 'inet', 'cidr', 'macaddr', 'time', 'xml'
  ]::regtype[];
  v_is_steady boolean;
begin
  select t.* into v_type from pg_type as t where t.oid = syncwell._base_type(p_type);
  select t.oid = any (c_steady) or t.typtype = 'e' into v_is_steady
  from pg_type as t
  where t.oid = case when v_type.typcategory = 'A' then v_type.typelem else v_type.oid end;

  return case
    when p_encoding = 'text' and v_type.oid = 'date'::regtype then format(
      -- others are no timestamps, which to_char() wants, or no plain ISO dates
      'case when %1$s between ''0001-01-01'' and ''9999-12-31'' then to_char(%1$s, ''YYYY-MM-DD'')'
      ' else syncwell._plain_text(%1$s) end',
      p_value
    )
    -- its cast adds a netmask that was never given
    when p_encoding = 'text' and v_type.oid = 'inet'::regtype then format('textin(inet_out(%s))', p_value)
    when p_encoding = 'text' and v_is_steady then p_value || '::text'
    when p_encoding = 'text' then format('syncwell._plain_text(%s)', p_value)
    when p_encoding = 'number' and v_type.oid = any (array['numeric', 'real', 'double precision']::regtype[]) then
      -- NaN is greater than all numbers
      format('case when abs(%1$s) <= 1.7976931348623157e308 then %1$s end', p_value)
    when p_encoding in ('number', 'boolean') then p_value
    when p_encoding = 'epoch_ms' then
      format('case when isfinite(%1$s) then floor(extract(epoch from %1$s) * 1000)::bigint end', p_value)
    when p_encoding = 'epoch_s' then
      format('case when isfinite(%1$s) then floor(extract(epoch from %1$s))::bigint end', p_value)
    when p_encoding = 'iso' and v_type.oid = 'date'::regtype then
      format('case when %1$s between ''0001-01-01'' and ''9999-12-31'' then to_char(%1$s, ''YYYY-MM-DD'') end', p_value)
    when p_encoding = 'iso' then format(
      'case when %1$s >= ''0001-01-01 00:00:00%2$s'' and %1$s < ''10000-01-01 00:00:00%2$s'''
      ' then to_char(%1$s%3$s, ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'') end',
      p_value,
      case when v_type.oid = 'timestamptz'::regtype then '+00' end,
      case when v_type.oid = 'timestamptz'::regtype then ' at time zone ''UTC''' end
    )
    when p_encoding = 'json' and v_type.oid = any (array['json', 'jsonb']::regtype[]) then p_value || '::text'
    when p_encoding = 'json' and v_is_steady then format('to_json(%s)::text', p_value)
    when p_encoding = 'json' then format('syncwell._plain_json(%s)', p_value)
    when p_encoding = 'base64' then format('replace(encode(%s, ''base64''), chr(10), '''')', p_value)
  end;
end
$$;
comment on function syncwell._encoded(text, regtype, text) is
'SQL for p_value, an SQL expression of p_type, as devices see it under this encoding: the same text in every session. '
'What devices can''t take is NULL: NaN, numbers beyond a double, infinite times, ISO times outside of the years 1 to '
'9999.';
revoke all on function syncwell._encoded(text, regtype, text) from public;

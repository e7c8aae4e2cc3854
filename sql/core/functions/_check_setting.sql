create or replace function syncwell._check_setting(
  p_key text,
  p_value text
)
returns void
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_definition syncwell.setting_definitions;
  v_fits boolean;
begin
  select d.* into v_definition from syncwell.setting_definitions as d where d.key = p_key;
  if not found then
    -- which says so
    perform syncwell._setting(null, p_key);
  end if;

  begin
    v_fits := case v_definition.kind
      when 'integer' then p_value::bigint
        between coalesce(v_definition.minimum::bigint, p_value::bigint)
        and coalesce(v_definition.maximum::bigint, p_value::bigint)
      when 'number' then p_value::numeric not in ('NaN', 'Infinity', '-Infinity')
        and p_value::numeric
        between coalesce(v_definition.minimum::numeric, p_value::numeric)
        and coalesce(v_definition.maximum::numeric, p_value::numeric)
      when 'interval' then p_value::interval
        between coalesce(v_definition.minimum, p_value)::interval and coalesce(v_definition.maximum, p_value)::interval
      when 'boolean' then p_value::boolean is not null
      else length(p_value) <= 1000
    end and coalesce(p_value = any(v_definition.allowed), true);
  exception
    when data_exception then
      v_fits := false;
  end;
  if not v_fits then
    raise exception using
      errcode = 'SW011',
      message = format('setting %s refuses this value', p_key),
      detail = format('%L is no %s%s%s%s.', left(p_value, 100), v_definition.kind,
        ' from ' || v_definition.minimum, ' to ' || v_definition.maximum,
        ' of ' || array_to_string(v_definition.allowed, ', ')),
      hint = format('The default is %s: %s', v_definition.default_value, v_definition.description);
  end if;
end
$$;
comment on function syncwell._check_setting(text, text) is
'Refuses a setting that is not defined (SW010) or a value outside its kind and bounds (SW011).';
revoke all on function syncwell._check_setting(text, text) from public;

create or replace function syncwell._metric_count(
  p_metrics jsonb,
  p_key text
)
returns bigint
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_value constant jsonb := p_metrics -> p_key;
  v_number numeric;
begin
  if v_value is null then
    return null;
  end if;
  case jsonb_typeof(v_value)
    when 'null' then return null;
    when 'number' then v_number := v_value::numeric;
    else perform syncwell._refuse_metric(p_key, format('is of type %s and no number', jsonb_typeof(v_value)));
  end case;
  if v_number < 0 then
    perform syncwell._refuse_metric(p_key, 'is negative');
  end if;
  if v_number > 9223372036854775807 then
    perform syncwell._refuse_metric(p_key, 'is too large');
  end if;
  return round(v_number);
end
$$;
comment on function syncwell._metric_count(jsonb, text) is
'A metric that is a number from 0 to 2^63 - 1, rounded; NULL where it is not told, or JSON null. Errors: SW605.';
revoke all on function syncwell._metric_count(jsonb, text) from public;

create or replace function syncwell._metric_text(
  p_metrics jsonb,
  p_key text,
  p_max integer
)
returns text
language plpgsql immutable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_type constant text := jsonb_typeof(p_metrics -> p_key);
begin
  if v_type not in ('string', 'null') then
    perform syncwell._refuse_metric(p_key, format('is of type %s and no text', v_type));
  end if;
  if length(p_metrics ->> p_key) > p_max then
    perform syncwell._refuse_metric(p_key, format('has more than %s characters', p_max));
  end if;
  return nullif(p_metrics ->> p_key, '');
end
$$;
comment on function syncwell._metric_text(jsonb, text, integer) is
'A metric that is a text of at most p_max characters; NULL where it is not told, JSON null or empty. Errors: SW605.';
revoke all on function syncwell._metric_text(jsonb, text, integer) from public;

create or replace function syncwell._metric_labels(p_labels jsonb)
returns text
language sql immutable security invoker parallel safe
begin atomic
  select
    '{' || string_agg(
      l.key || '="'
      || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(l.value, '\', '\\'), '"', '\"'), chr(10), '\n')
      || '"',
      ',' order by l.key
    ) || '}'
  from pg_catalog.jsonb_each_text(p_labels) as l (key, value);
end;
comment on function syncwell._metric_labels(jsonb) is
'Labels as Prometheus reads them, with backslash, quote and newline escaped; NULL without any.';
revoke all on function syncwell._metric_labels(jsonb) from public;

create or replace function syncwell._is_import_record(p_row jsonb)
returns boolean
language sql immutable security invoker parallel safe
return coalesce(
  -- no BETWEEN: its brackets would not survive a dump
  length(p_row ->> 'session') >= 1
  and length(p_row ->> 'session') <= 200
  and p_row ->> 'kind' in (
    'reading', 'survey_pre', 'survey_inter', 'survey_post', 'progression', 'adaptive_event'
  ),
  false
);
comment on function syncwell._is_import_record(jsonb) is
'Whether a row of import_existing() says of which session and kind it is.';
revoke all on function syncwell._is_import_record(jsonb) from public;

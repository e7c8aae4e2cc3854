create or replace function syncwell._volume_series_id(
  p_source text,
  p_platform text
)
returns uuid
language sql immutable security invoker parallel safe
as $$
  select md5(concat_ws('/', p_platform, p_source))::uuid
$$;
comment on function syncwell._volume_series_id(text, text) is
'What stands for all streams of a source and platform (NULL: not known) together in volume_baselines.';
revoke all on function syncwell._volume_series_id(text, text) from public;

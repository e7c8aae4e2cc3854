create or replace function syncwell._alert_fits(
  p_labels jsonb,
  p_matcher jsonb
)
returns boolean
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return not exists (
    select from jsonb_each(p_matcher) as m
    -- of a text and of a list: whether it is that, or one of those
    where (m.value ? (p_labels ->> m.key)) is not true
  );
end
$$;
comment on function syncwell._alert_fits(jsonb, jsonb) is
'Whether each label that the matcher names is the text, or one of the texts, that it gives; NULL fits everything.';
revoke all on function syncwell._alert_fits(jsonb, jsonb) from public;

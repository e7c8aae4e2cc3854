create or replace function syncwell._preview_records(
  p_records jsonb,
  p_key text
)
returns table (
  place bigint,
  record_key text,
  record jsonb
)
language sql immutable security invoker parallel safe
begin atomic
  select
    r.place,
    case
      when r.value ->> p_key like '%.%0' and jsonb_typeof(r.value -> p_key) = 'number'
        then trim_scale((r.value ->> p_key)::numeric)::text
      when jsonb_typeof(r.value -> p_key) in ('string', 'number') then r.value ->> p_key
    end collate "C" as record_key,
    r.value as record
  from jsonb_array_elements(p_records) with ordinality as r (value, place);
end;
comment on function syncwell._preview_records(jsonb, text) is
'The records of an array with their places, from 1, and their keys as text: "7", 7 and 7.0 are one. A key is NULL '
'where there is none that is a string or a number.';
revoke all on function syncwell._preview_records(jsonb, text) from public;
-- compute_preview_delta runs with the caller's rights
grant execute on function syncwell._preview_records(jsonb, text) to syncwell_client, syncwell_reader, syncwell_worker;

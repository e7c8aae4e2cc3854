create or replace function syncwell._row_number(
  p_row jsonb,
  p_member text,
  p_is_careful boolean
)
returns double precision
language sql immutable security invoker parallel safe
return case
  when pg_catalog.jsonb_typeof(p_row -> p_member) = 'number' then case
    when not p_is_careful then (p_row ->> p_member)::double precision
    when (p_row ->> p_member)::numeric not between 0 and 1000 then 'NaN'
    -- next to nothing has no place among the numbers of the machine
    when (p_row ->> p_member)::numeric < 1e-300 then 0
    else (p_row ->> p_member)::double precision
  end
end;
comment on function syncwell._row_number(jsonb, text, boolean) is
'A number in a row of a batch; NULL for anything else. p_is_careful: NaN for what does not lie between 0 and 1000; '
'without it class 22 is raised for what is out of the machine''s range.';
revoke all on function syncwell._row_number(jsonb, text, boolean) from public;

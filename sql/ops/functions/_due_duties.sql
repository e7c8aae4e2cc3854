create or replace function syncwell._due_duties(
  p_duty text,
  p_force boolean
)
returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
begin
  if p_duty is not null and not exists (
    select from syncwell._duties() as d where p_duty in (d.duty, d.task)
  ) then
    raise exception using
      errcode = 'SW801',
      message = 'unknown duty',
      detail = format('Maintenance has no duty %L.', left(p_duty, 100)),
      hint = 'get_maintenance_report() lists them.';
  end if;

  insert into syncwell.maintenance_duties (duty, task)
  select d.duty, d.task
  from syncwell._duties() as d
  order by d.duty
  on conflict on constraint maintenance_duties_pkey do nothing;

  -- those that waited longest first, so that a call that is cut short does not leave out the same ones for ever
  return array(
    select d.duty
    from syncwell._duties() as d
    join syncwell.maintenance_duties as s on s.duty = d.duty
    where
      (p_duty is null or p_duty in (d.duty, d.task))
      and (
        p_force
        or s.finished_at is null
        -- a scheduler that calls a little early must not make every second call go for nothing
        or s.finished_at + d.runs_every * 0.9 <= v_now
        or s.finished_at > v_now
      )
    order by s.finished_at nulls first, d.duty
  );
end
$$;
comment on function syncwell._due_duties(text, boolean) is
'The duties that are due, or all with p_force; p_duty: this one, or those of this task, alone. Errors: SW801.';
revoke all on function syncwell._due_duties(text, boolean) from public;
grant execute on function syncwell._due_duties(text, boolean) to syncwell_operator;

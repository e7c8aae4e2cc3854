create or replace function syncwell._duties()
returns table (
  duty text,
  task text,
  routine text,
  argument text,
  runs_every interval
)
language sql stable security invoker
begin atomic
  select
    t.task || coalesce(': ' || p.table_name, '') as duty,
    t.task,
    t.routine,
    p.table_name as argument,
    t.runs_every
  from syncwell.maintenance_tasks as t
  left join syncwell.partitioned_tables as p on t.each_table
  where not t.each_table or p.table_name is not null;
end;
comment on function syncwell._duties() is
'What maintenance has to do: every registered task, those for each partitioned table once a table.';
revoke all on function syncwell._duties() from public;

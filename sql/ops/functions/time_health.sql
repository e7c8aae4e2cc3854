create or replace function syncwell.time_health()
returns table (
  what text,
  streams bigint,
  milliseconds numeric
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_org_id uuid;
  v_streams bigint;
  v_from timestamptz;
  v_times numeric[];
begin
  select s.org_id, count(*) into v_org_id, v_streams
  from syncwell.streams as s
  where s.retired_at is null
  group by s.org_id
  order by count(*) desc
  limit 1;
  if not found then
    return;
  end if;
  foreach what in array array['status', 'issues'] loop
    v_times := array[]::numeric[];
    for n in 1 .. 5 loop
      v_from := syncwell._now();
      if what = 'status' then
        perform count(*) from syncwell._health_of(v_org_id);
      else
        perform count(*) from syncwell._issues_of(v_org_id, null, null, null, true);
      end if;
      v_times := v_times || extract(epoch from syncwell._now() - v_from) * 1000;
    end loop;
    streams := v_streams;
    milliseconds := (select percentile_cont(0.5) within group (order by t) from unnest(v_times) as t)::numeric(12, 1);
    return next;
  end loop;
end
$$;
comment on function syncwell.time_health() is
'How long status and issues of the org with the most streams take, in milliseconds: medians of five. `syncwell '
'migrate` compares them before and after. No row where there is no stream.';
revoke all on function syncwell.time_health() from public;
grant execute on function syncwell.time_health() to syncwell_operator;

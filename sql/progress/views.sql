create view syncwell.sync_progress_live with (security_invoker = true) as
select
  p.org_id,
  p.id,
  p.sync_id,
  p.job_id,
  p.entity_type,
  p.current_item,
  p.total_items,
  p.processed_count,
  p.failed_count,
  p.speed_items_per_min,
  p.eta_seconds,
  p.elapsed_seconds,
  p.started_at,
  p.updated_at,
  p.completed_at,
  p.source_system,
  p.batch_number,
  p.metadata,
  p.initiated_by,
  p.status,
  p.paused_at,
  p.paused_seconds,
  p.last_progress_at,
  p.stall_seconds,
  p.ew_n,
  p.ew_t,
  p.ew_gap,
  p.ew_base,
  case
    when p.completed_at is not null or p.paused_at is not null then p.elapsed_seconds
    else round(greatest(0, extract(epoch from p.at - p.started_at) - p.paused_seconds), 3)
  end as elapsed_now,
  case
    when p.status = 'paused' or p.stalled then 0
    when p.status = 'in_progress' then round((p.rate * 60)::numeric, 3)
  end as speed_now,
  case
    when p.status in ('completed', 'completed_with_errors') then 0
    when p.status <> 'in_progress' then null
    when p.remaining = 0 then 0
    when p.stalled then null
    when p.remaining > 0 and p.counted > 0 and p.elapsed_seconds > 0
      then round(greatest(0, p.remaining / p.rate - least(p.silent, coalesce(p.ew_gap, 0)))::numeric, 3)
  end as eta_now,
  case
    when p.status = 'in_progress' and not p.stalled and p.remaining > 0 and p.counted > 0 and p.elapsed_seconds > 0
      then 'blend'
    else 'none'
  end as eta_basis,
  p.stalled,
  case when p.status in ('pending', 'in_progress') then round(p.silent::numeric, 3) end as silent_seconds,
  case
    when p.status in ('completed', 'completed_with_errors') then 100
    else round((p.share * 100)::numeric, 2)
  end as percent
from (
  select
    q.*,
    q.status = 'in_progress' and q.silent > greatest(60, 5 * coalesce(q.ew_gap, 0), q.stall_seconds) as stalled,
    -- the average so far is steady, the decayed rate follows; the nearer the end, the more the recent past counts
    case
      when q.elapsed_seconds = 0 then null
      when q.ew_t = 0 then q.counted / q.seconds
      when q.share is null then q.ew_n / q.ew_t
      else (1 - q.share) * q.counted / q.seconds + q.share * q.ew_n / q.ew_t
    end as rate
  from (
    select
      b.*,
      c.at,
      b.processed_count::double precision + b.failed_count as counted,
      (b.total_items - b.processed_count - b.failed_count)::double precision as remaining,
      case
        when b.total_items > 0 then (b.processed_count::double precision + b.failed_count) / b.total_items
        when b.total_items = 0 then 1
      end as share,
      b.elapsed_seconds::double precision as seconds,
      greatest(0, date_part('epoch', c.at - b.last_progress_at)) as silent
    from syncwell.sync_progress as b
    -- in FROM the clock is read once a statement, not once a row
    cross join syncwell._now() as c (at)
  ) as q
) as p;

comment on view syncwell.sync_progress_live is
'sync_progress with what holds now, computed when it is read: a stalled sync writes nothing, so what it stored '
'stays as it was. '
'Rate = (1 - share) * items / elapsed + share * decayed rate.';
comment on column syncwell.sync_progress_live.elapsed_now is
'Seconds it has been running, now or until it ended or was paused; pauses left out.';
comment on column syncwell.sync_progress_live.speed_now is
'Items handled (done well or failed) a minute, now; 0 when stalled or paused; NULL when not known or not running.';
comment on column syncwell.sync_progress_live.eta_now is
'Seconds that are left, counted down between two reports; 0 when nothing is left; NULL when not known: stalled, '
'paused, not begun, no total, ended undone.';
comment on column syncwell.sync_progress_live.eta_basis is
'blend: eta_now comes from average and recent rate; none: nothing to estimate.';
comment on column syncwell.sync_progress_live.stalled is
'Whether a running sync is silent longer than one minute, five times its usual gap, and setting '
'progress.stall_timeout.';
comment on column syncwell.sync_progress_live.silent_seconds is
'Seconds since something was last counted, pauses left out; NULL when paused or ended.';
comment on column syncwell.sync_progress_live.percent is
'Share of the items that is handled, in percent; NULL while the total is not known.';

-- the columns of the table are described once
do $$
declare
  v_column record;
begin
  for v_column in
    select a.attname, pg_catalog.col_description(a.attrelid, a.attnum) as description
    from pg_catalog.pg_attribute as a
    where a.attrelid = 'syncwell.sync_progress'::pg_catalog.regclass and a.attnum > 0 and not a.attisdropped
  loop
    execute pg_catalog.format(
      'comment on column syncwell.sync_progress_live.%I is %L', v_column.attname, v_column.description
    );
  end loop;
end
$$;

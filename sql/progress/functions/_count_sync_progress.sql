create or replace function syncwell._count_sync_progress()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now constant timestamptz := syncwell._now();
  v_plain boolean;
  v_counted double precision;
  v_gap double precision;
  v_half_life double precision;
  v_keep double precision;
begin
  -- Every expression here is set up anew for every report, so there are few.
  v_plain := old.status = 'in_progress' and new.status = 'in_progress'
    and new.processed_count >= old.processed_count and new.failed_count >= old.failed_count
    and (new.processed_count < new.total_items - new.failed_count) is not false
    and (new.current_item >= 0 and new.current_item <= new.total_items) is not false
    and (new.batch_number < 0) is not true;

  if v_plain is not true then
    new := syncwell._settle_sync_progress(new, old, v_now);
    if new.completed_at is not null and old.completed_at is not null then
      -- it had ended before: what was reported again changes nothing
      new.speed_items_per_min := old.speed_items_per_min;
      new.eta_seconds := old.eta_seconds;
      new.elapsed_seconds := old.elapsed_seconds;
      new.updated_at := old.updated_at;
      if new is distinct from old then
        new.updated_at := v_now;
      end if;
      return new;
    end if;
  end if;

  -- while it is paused, and once it has ended, its time stands still
  new.elapsed_seconds := greatest(
    0, extract(epoch from coalesce(new.completed_at, new.paused_at, v_now) - new.started_at) - new.paused_seconds
  );

  -- reports that come faster than one a second are counted together
  if v_now >= new.last_progress_at + interval '1 second' then
    v_counted := new.processed_count::double precision + new.failed_count - new.ew_base;
    v_gap := date_part('epoch', coalesce(new.paused_at, v_now) - new.last_progress_at);
    if v_counted > 0 and v_gap > 0 then
      -- one long silence counts only so much
      v_gap := least(v_gap, greatest(60, 5 * coalesce(new.ew_gap, v_gap)));
      v_half_life := least(greatest(0.25 * new.elapsed_seconds::double precision, 60), 900);
      -- bounded, because power() raises an error where it underflows
      v_keep := power(0.5::double precision, least(v_gap / v_half_life, 64));
      new.ew_n := new.ew_n * v_keep + v_counted * (1 - v_keep) * v_half_life / (v_gap * 0.6931471805599453);
      new.ew_t := new.ew_t * v_keep + (1 - v_keep) * v_half_life / 0.6931471805599453;
      new.ew_gap := 0.2 * v_gap + 0.8 * coalesce(new.ew_gap, v_gap);
      new.ew_base := new.processed_count::double precision + new.failed_count;
      new.last_progress_at := coalesce(new.paused_at, v_now);
    end if;
  end if;

  new.updated_at := v_now;
  new.speed_items_per_min := round(new.processed_count / nullif(new.elapsed_seconds, 0) * 60, 3);
  new.eta_seconds := round(
    (new.total_items - new.processed_count - new.failed_count) * nullif(new.elapsed_seconds, 0)
    / nullif(new.processed_count, 0), 3
  );
  if v_plain is not true then
    if new.status in ('completed', 'completed_with_errors') then
      new.eta_seconds := 0;
    elsif new.completed_at is not null then
      new.eta_seconds := null;
    elsif new.processed_count = new.total_items - new.failed_count then
      new.eta_seconds := 0;
    end if;
  end if;
  return new;
end
$$;
comment on function syncwell._count_sync_progress() is
'Trigger, hot path: elapsed = now - started - pauses, speed = processed / elapsed * 60, eta = (total - processed - '
'failed) / speed * 60, '
'and the decayed counters of sync_progress_live (half-life a quarter of elapsed, 1 to 15 minutes). Whatever is no '
'plain report of a running '
'sync goes through _settle_sync_progress() first. Definer, because that reads settings. '
'Errors: 22001, 22023, 42501, SW002, SW003, SW202, SW203, SW204, SW205.';
revoke all on function syncwell._count_sync_progress() from public;

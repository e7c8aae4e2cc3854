create or replace function syncwell.ensure_partitions(
  p_table text default null,
  p_months_ahead integer default null
)
returns table (
  table_name text,
  partition_name text,
  moved_rows bigint
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- months are UTC months, whatever the session's time zone
set timezone = 'UTC'
-- whoever waits behind this waits no longer
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
  v_table syncwell.partitioned_tables;
  v_month timestamptz;
  v_from text;
  v_to text;
  v_months timestamptz[];
  v_horizon timestamptz;
  v_default text;
  v_this_month constant timestamptz := date_trunc('month', syncwell._now());
begin
  if p_months_ahead is not null and p_months_ahead not between 0 and 120 then
    raise exception using
      errcode = '22023',
      message = 'months ahead out of range',
      detail = format('p_months_ahead is %s.', p_months_ahead),
      hint = 'Pass 0 to 120, or leave it out for each table''s own number.';
  end if;
  -- one maintainer at a time: the others find everything made
  perform from syncwell.partitioned_tables as t
  where p_table is null or t.table_name = p_table
  order by t.table_name
  for no key update;

  for v_table in select * from syncwell._registered_tables(p_table) loop
    v_default := v_table.table_name || '_default';
    if to_regclass('syncwell.' || quote_ident(v_default)) is null then
      execute format('create table syncwell.%I partition of syncwell.%I default', v_default, v_table.table_name);
      execute format('alter table syncwell.%I enable row level security', v_default);
    end if;

    v_horizon := v_this_month + make_interval(months => coalesce(p_months_ahead, v_table.months_ahead));
    -- months ahead, and months whose rows fell into the default partition because nobody made them in time
    execute format(
      'select array_agg(m order by m) from (
         select generate_series($1, $2, interval ''1 month'') union
         select date_trunc(''month'', %s) from syncwell.%I where %s
       ) as wanted(m) where m not in (select month from syncwell._partitions($3) where month is not null)',
      case v_table.key_kind when 'uuid7' then format('syncwell._uuid7_time(%I)', v_table.key_column)
        else quote_ident(v_table.key_column) end,
      v_default,
      -- what lies beyond the horizon is no late row but a wrong clock: it stays, and partition_health() shows it; so
      -- does what is older than five years, since a device may say any time, and each partition costs every query
      format('%1$I < %2$L and %1$I >= %3$L', v_table.key_column,
        syncwell._partition_bound(v_table.key_kind, v_horizon + interval '1 month'),
        syncwell._partition_bound(v_table.key_kind, v_this_month - interval '5 years'))
    ) into v_months using v_this_month, v_horizon, v_table.table_name;

    foreach v_month in array coalesce(v_months, '{}') loop
      table_name := v_table.table_name;
      partition_name := format('%s_%s', v_table.table_name, to_char(v_month, 'YYYY_MM'));
      v_from := syncwell._partition_bound(v_table.key_kind, v_month);
      v_to := syncwell._partition_bound(v_table.key_kind, v_month + interval '1 month');

      -- Who writes rows of this month must find the new partition when it goes on, and so wait for the table itself;
      -- nobody writes rows of a month that has not begun.
      execute format(
        'lock table only syncwell.%I in access exclusive mode',
        case when v_month <= v_this_month then v_table.table_name else v_default end
      );
      execute format('create table syncwell.%I (like syncwell.%I including all)', partition_name, v_table.table_name);
      execute format('alter table syncwell.%I enable row level security', partition_name);
      execute format(
        'with moved as (delete from syncwell.%I where %I >= %L and %I < %L returning *)
         insert into syncwell.%I select * from moved',
        v_default, v_table.key_column, v_from, v_table.key_column, v_to, partition_name);
      get diagnostics moved_rows = row_count;
      execute format('alter table syncwell.%I attach partition syncwell.%I for values from (%L) to (%L)',
        v_table.table_name, partition_name, v_from, v_to);
      return next;
    end loop;
    if v_months is not null and v_table.on_change is not null then
      execute format('select syncwell.%I($1)', v_table.on_change) using v_table.table_name;
    end if;
  end loop;
end
$$;
comment on function syncwell.ensure_partitions(text, integer) is
'Makes the monthly partitions (UTC) of p_table, or of every registered table, from this month to p_months_ahead '
'(default: the registry''s, 3), and moves rows that fell into the default partition to a partition of their own, but '
'for those of more than five years ago, which stay there. '
'Returns what it made; nothing when all was there. Locks the default partition while it makes a month ahead, and the '
'whole table while it heals. Errors: 22023 unknown table or months out of range, 55P03 a lock took longer than 5 s: '
'nothing is made, try again.';
revoke all on function syncwell.ensure_partitions(text, integer) from public;
grant execute on function syncwell.ensure_partitions(text, integer) to syncwell_operator;

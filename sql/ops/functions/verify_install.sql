create or replace function syncwell.verify_install()
returns table (
  check_name text,
  severity text,
  subject text,
  detail text,
  remedy text
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text;
  v_findings syncwell.install_finding[] := array[]::syncwell.install_finding[];
  v_more syncwell.install_finding[];
begin
  foreach v_part in array array['_verify_objects', '_verify_security', '_verify_storage', '_verify_work'] loop
    begin
      execute format('select array_agg(f) from syncwell.%I() as f', v_part) into v_more;
    exception
      -- on a damaged installation one part may fail; the others say why
      when others then
        v_more := array[
          row(
            'self-check', 'error', 'function ' || v_part, format('It could not run: %s %s', sqlstate, sqlerrm),
            'See what is said about objects, ownership and grants.'
          )::syncwell.install_finding
        ];
    end;
    v_findings := v_findings || v_more;
  end loop;

  return query
  with findings as materialized (
    select f.* from unnest(v_findings) as f
  ),
  schema_version as (
    select
      'schema version' as check_name,
      'ok' as severity,
      max(m.id) || ' ' || (array_agg(m.name order by m.id desc))[1] as subject,
      format('%s migrations are applied, the last one at %s.', count(*), max(m.applied_at)) as detail
    from syncwell.schema_migrations as m
  ),
  checks as (
    select c.check_name, c.detail
    from (
      values
      ('objects', 'All is there as the migrations made it.'),
      ('grants', 'Nobody has more or less than the migrations gave.'),
      ('row level security', 'It is on for every table and every partition.'),
      ('ownership', 'The schema belongs to syncwell_owner.'),
      ('roles', 'Only superusers can become syncwell_owner, and no role of syncwell can do too much.'),
      ('logins', 'Every bound login is a role that may do what it is bound for.'),
      ('partitions', 'There are partitions for this month and the next, and nothing lies in the default ones.'),
      ('tables', 'No table or index needs attention.'),
      ('maintenance', 'Every duty is done.'),
      ('rollups', 'All is counted.'),
      ('evaluation', 'Every org is evaluated.'),
      ('tracking', 'Every synced table is tracked.')
    ) as c (check_name, detail)
    where not exists (select from findings as f where f.check_name in (c.check_name, 'self-check'))
  ),
  answers as (
    select v.check_name, v.severity, v.subject, v.detail, null as remedy from schema_version as v
    union all
    select c.check_name, 'ok', null, c.detail, null from checks as c
    union all
    select f.check_name, f.severity, f.subject, f.detail, f.remedy from findings as f
  )
  select a.check_name, a.severity, a.subject, a.detail, a.remedy
  from answers as a
  order by array_position(array['error', 'warning', 'ok'], a.severity), a.check_name, a.subject;
end
$$;
comment on function syncwell.verify_install() is
'A check of the installation by itself: what is wrong first, then a row with severity ok for each check that found '
'nothing. severity: error, warning or ok; subject: what is meant; remedy: what to do. Checks: schema version, objects '
'and grants (compared with what the migrations left behind), row level security, ownership, roles, logins, '
'partitions, tables (bloat, invalid indexes), maintenance, rollups, evaluation, tracking; self-check: one of them '
'could not run.';
revoke all on function syncwell.verify_install() from public;
grant execute on function syncwell.verify_install() to syncwell_operator;

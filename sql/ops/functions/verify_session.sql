create or replace function syncwell.verify_session()
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
begin
  return query
  with me as materialized (
    select
      i.kind,
      i.org_id,
      i.rule,
      pg_has_role(session_user, 'syncwell_operator', 'usage') as is_operator,
      pg_has_role(session_user, 'syncwell_gateway', 'usage')
      and not (select r.rolsuper from pg_roles as r where r.rolname = session_user) as is_gateway
    from syncwell._identity() as i
  ),
  findings as materialized (
    select 'identity', 'error', format('login %I', session_user),
      'It is not bound: it is nobody, and sees and records nothing.',
      format('select syncwell.bind_login(%L, ''service'', p_org_id => ''…'')  -- or user, gateway, jwt', session_user)
    from me as m
    where m.kind is null and not m.is_operator
    union all
    select 'identity', 'warning', format('login %I', session_user),
      format('It may call act_as(), which refuses it: it is bound as %s.', m.kind),
      format(
        'select syncwell.bind_login(%L, ''gateway'')  -- or: revoke syncwell_gateway from %I', session_user, session_user
      )
    from me as m
    where m.kind <> 'gateway' and m.is_gateway
    union all
    select 'session', 'warning', 'server', 'It is a standby, which can be read and nothing else.',
      'Connect to the primary, e.g. with target_session_attrs=read-write.'
    where pg_is_in_recovery()
    union all
    select f.* from syncwell._verify_logins(session_user) as f
    union all
    select f.* from syncwell._session_settings() as f
  ),
  answers (check_name, severity, subject, detail, remedy) as (
    select f.* from findings as f
    union all
    select 'identity', 'ok', format('login %I', session_user),
      case
        when m.kind is null then 'It is an operator, and needs to be nobody else.'
        when m.org_id is null then format('It is bound as %s: %s.', m.kind, m.rule)
        else format('It is bound as %s, of org %s.', m.kind, m.org_id)
      end,
      null
    from me as m
    where m.kind is not null or m.is_operator
    union all
    select c.check_name, 'ok', null, c.detail, null
    from (
      values
      ('logins', 'It has the role that it needs, and policies hold for it.'),
      ('session', 'Its settings do no harm.')
    ) as c (check_name, detail)
    where not exists (select from findings as f (check_name) where f.check_name = c.check_name)
  )
  select a.check_name, a.severity, a.subject, a.detail, a.remedy
  from answers as a
  order by array_position(array['error', 'warning', 'ok'], a.severity), a.check_name, a.subject;
end
$$;
comment on function syncwell.verify_session() is
'A check of the calling session, as verify_install() is one of the installation: what is wrong with the login and its '
'settings first, then a row with severity ok for each check that found nothing. check_name: identity (whether and as '
'what the login is bound), logins (the grants that takes, row-level security) or session (read-only, triggers off, '
'search_path, encoding, a standby); severity: error, warning or ok; subject: what is meant; detail: what was found; '
'remedy: what to do. Errors: none.';
revoke all on function syncwell.verify_session() from public;
grant execute on function syncwell.verify_session()
to syncwell_client, syncwell_reader, syncwell_worker, syncwell_operator;

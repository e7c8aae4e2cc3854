create or replace function syncwell._checked_matcher(
  p_org_id uuid,
  p_matcher jsonb
)
returns jsonb
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c_keys constant text[] := array['source', 'issue_type', 'severity', 'platform', 'user_id', 'stream_id'];
  c_uuid constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
  v_matcher jsonb := p_matcher;
  v_problem text;
begin
  if jsonb_typeof(p_matcher) <> 'object' then
    v_problem := format('It is of type %s.', jsonb_typeof(p_matcher));
  else
    select
      case
        when m.key <> all(c_keys) then format('%L is no key of a matcher.', left(m.key, 100))
        when jsonb_typeof(m.value) <> 'string' then format('%s is of type %s.', m.key, jsonb_typeof(m.value))
        else format('%s may not be %L.', m.key, left(m.value #>> '{}', 100))
      end
    into v_problem
    from jsonb_each(p_matcher) as m
    where m.key <> all(c_keys)
      or jsonb_typeof(m.value) <> 'string'
      or not case m.key
        when 'source' then m.value #>> '{}' ~ '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}$'
        when 'issue_type' then m.value #>> '{}' ~ '^[a-z][a-z0-9_]{0,62}$'
        when 'severity' then m.value #>> '{}' in ('info', 'warning', 'critical')
        when 'platform' then m.value #>> '{}' in ('android', 'ios', 'web', 'server', 'other')
        else m.value #>> '{}' ~ c_uuid
      end
    order by m.key
    limit 1;
  end if;
  if v_problem is not null then
    raise exception using
      errcode = '22023',
      message = 'this is no matcher',
      detail = v_problem,
      hint = format('An object of texts, under any of the keys %s.', array_to_string(c_keys, ', '));
  end if;

  if p_matcher ? 'user_id' then
    perform from syncwell.users as u where u.org_id = p_org_id and u.user_id = (p_matcher ->> 'user_id')::uuid;
    if not found then
      raise exception using
        errcode = 'SW002',
        message = 'unknown user',
        detail = format('There is no user %s in this org.', p_matcher ->> 'user_id'),
        hint = 'Users are registered with syncwell.register_user().';
    end if;
    -- compared as texts: in one spelling
    v_matcher := v_matcher || jsonb_build_object('user_id', (p_matcher ->> 'user_id')::uuid);
  end if;
  if p_matcher ? 'stream_id' then
    perform from syncwell.streams as s where s.org_id = p_org_id and s.stream_id = (p_matcher ->> 'stream_id')::uuid;
    if not found then
      raise exception using
        errcode = 'SW105',
        message = 'unknown stream',
        detail = format('There is no stream %s in this org.', p_matcher ->> 'stream_id'),
        hint = 'Streams are listed in syncwell.streams.';
    end if;
    v_matcher := v_matcher || jsonb_build_object('stream_id', (p_matcher ->> 'stream_id')::uuid);
  end if;
  return v_matcher;
end
$$;
comment on function syncwell._checked_matcher(uuid, jsonb) is
'A matcher of silence() as it is kept, refused where it is not understood. Errors: 22023, SW002, SW105.';
revoke all on function syncwell._checked_matcher(uuid, jsonb) from public;

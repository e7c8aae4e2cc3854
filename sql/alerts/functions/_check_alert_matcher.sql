create or replace function syncwell._check_alert_matcher(p_matcher jsonb)
returns void
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  c_keys constant text[] := array[
    'alertname', 'severity', 'org', 'source', 'stream', 'platform', 'user', 'channel'
  ];
  v_problem text;
begin
  if p_matcher is null then
    return;
  end if;
  if jsonb_typeof(p_matcher) <> 'object' then
    v_problem := format('It is of type %s.', jsonb_typeof(p_matcher));
  elsif octet_length(p_matcher::text) > 65536 then
    v_problem := 'It is longer than 65536 bytes.';
  else
    select
      case
        when m.key <> all(c_keys) then format('%L is no label of an alert.', left(m.key, 100))
        else format('What %s may be is neither a text nor a list of texts.', m.key)
      end
    into v_problem
    from jsonb_each(p_matcher) as m
    where m.key <> all(c_keys)
      or case jsonb_typeof(m.value)
        when 'string' then false
        when 'array' then exists (
          select from jsonb_array_elements(m.value) as one (value) where jsonb_typeof(one.value) <> 'string'
        )
        else true
      end
    order by m.key
    limit 1;
  end if;
  if v_problem is not null then
    raise exception using
      errcode = '22023',
      message = 'this is no matcher of alerts',
      detail = v_problem,
      hint = format('An object of texts or lists of texts, under any of the keys %s.', array_to_string(c_keys, ', '));
  end if;
end
$$;
comment on function syncwell._check_alert_matcher(jsonb) is
'Refuses (22023) what is not NULL and no object of labels with a text, or a list of texts, each.';
revoke all on function syncwell._check_alert_matcher(jsonb) from public;

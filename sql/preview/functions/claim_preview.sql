create or replace function syncwell.claim_preview(
  p_sync_type text,
  p_params jsonb,
  p_lease interval default '1 minute',
  out state text,
  out cache_key text,
  out lease_token uuid,
  out lease_until timestamptz,
  out preview_id uuid,
  out delta jsonb,
  out computed_at timestamptz,
  out expires_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '30s'
as $$
#variable_conflict use_column
declare
  v_caller constant record := syncwell._caller();
  v_key text;
  v_wait interval;
begin
  perform syncwell._check_sync_type(v_caller.org_id, p_sync_type);
  if p_params is null or p_lease is null then
    raise exception using
      errcode = '22004',
      message = 'an argument that is needed is missing',
      detail = format('%s is NULL.', case when p_params is null then 'p_params' else 'p_lease' end),
      hint = 'Pass what the preview depends on, and for how long it may be computed.';
  end if;
  if p_lease not between interval '1 second' and interval '1 hour' then
    raise exception using
      errcode = '22023',
      message = 'lease out of range',
      detail = format('p_lease is %s.', p_lease),
      hint = 'Pass 1 second to 1 hour.';
  end if;
  v_key := p_sync_type || ':' || syncwell.preview_cache_key(p_params);
  v_wait := syncwell._setting(v_caller.org_id, 'preview.wait', p_sync_type)::interval;
  perform set_config('lock_timeout', ceil(1000 * extract(epoch from v_wait))::bigint::text, true);

  for v_round in 1 .. 2 loop
    select 'cached', c.id, c.delta_json, c.computed_at, c.expires_at
    into state, preview_id, delta, computed_at, expires_at
    from syncwell.sync_preview_cache as c
    where c.org_id = v_caller.org_id and c.cache_key = v_key and c.expires_at > syncwell._now();
    exit when state is not null or v_round = 2;
    delete from syncwell.preview_claims as c
    where c.org_id = v_caller.org_id and c.cache_key = v_key and c.lease_until <= syncwell._now();
    insert into syncwell.preview_claims (
      org_id, cache_key, sync_type, lease_token, claimed_at, lease_until, claimed_by
    )
    values (
      v_caller.org_id, v_key, p_sync_type, gen_random_uuid(), syncwell._now(), syncwell._now() + p_lease,
      v_caller.user_id
    )
    on conflict (org_id, cache_key) do nothing
    returning preview_claims.lease_token, preview_claims.lease_until into lease_token, lease_until;
    -- once more: who held the claim may have stored it just now
  end loop;

  cache_key := v_key;
  if state is not null then
    if lease_token is not null then
      delete from syncwell.preview_claims as c
      where c.org_id = v_caller.org_id and c.lease_token = claim_preview.lease_token;
    end if;
    lease_token := null;
    lease_until := null;
  elsif lease_token is not null then
    state := 'claimed';
  else
    state := 'computing';
    select c.lease_until into lease_until
    from syncwell.preview_claims as c
    where c.org_id = v_caller.org_id and c.cache_key = v_key;
    lease_until := coalesce(lease_until, syncwell._now());
  end if;
exception
  when lock_not_available then
    raise exception using
      errcode = 'SW707',
      message = 'the preview is being claimed',
      detail = format('Another transaction has been at it for longer than %s.', v_wait),
      hint = 'Ask again; setting preview.wait is how long a caller waits.';
end
$$;
comment on function syncwell.claim_preview(text, jsonb, interval) is
'For previews that are computed outside of the database. state cached: there is a valid preview of p_sync_type and '
'p_params, with preview_id, delta, computed_at and expires_at; claimed: there is none, and this caller is the one who '
'computes it and gives it to store_preview() with lease_token, before lease_until; computing: another one does, ask '
'again, at lease_until at the latest, when it counts as dead. p_params: what the preview depends on, any JSON; '
'p_lease: 1 second to 1 hour, default 1 minute. To be called in a transaction of its own: others wait until it ends, '
'up to setting preview.wait. Errors: SW001, 22004, 22023, SW706, SW707, 40001 above READ COMMITTED.';
revoke all on function syncwell.claim_preview(text, jsonb, interval) from public;
grant execute on function syncwell.claim_preview(text, jsonb, interval) to syncwell_worker;

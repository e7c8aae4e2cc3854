create or replace function syncwell._client_platform(p_client jsonb)
returns text
language sql immutable security invoker parallel safe
return
case
  when pg_catalog.lower(syncwell._client_fact(p_client, 'platform')) in ('android', 'ios', 'web', 'server')
    then pg_catalog.lower(syncwell._client_fact(p_client, 'platform'))
  when syncwell._client_fact(p_client, 'platform') is not null then 'other'
end;
comment on function syncwell._client_platform(jsonb) is
'The platform a client says it is: android, ios, web, server, other; NULL when it does not say.';
revoke all on function syncwell._client_platform(jsonb) from public;

create or replace function syncwell.classify_sync_error(
  p_code text default null,
  p_http_status integer default null,
  p_message text default null,
  out error_type text,
  out class text,
  out retryable boolean
)
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
-- backslashes stand for themselves, whatever the session says
set standard_conforming_strings = on
as $$
#variable_conflict use_column
declare
  c_network constant text :=
    'E(?:CONN(?:REFUSED|RESET|ABORTED)|TIMEDOUT|NOTFOUND|PIPE|HOST(?:UNREACH|DOWN)|NET(?:UNREACH|DOWN)|AI_AGAIN)';
  v_text constant text := concat_ws(' ', p_code, p_message);
  -- Node has its codes in the message, too
  v_code constant text := coalesce(substring(v_text from '\m' || c_network || '\M'), upper(btrim(p_code)));
  v_status constant integer := coalesce(
    p_http_status,
    substring(v_code from '^(?:HTTP[ _-]?)?([1-5][0-9][0-9])$')::integer,
    substring(lower(v_text) from '\m(?:http(?:/[0-9.]+)?|status|status[ _]code)[ :=/_-]*([45][0-9][0-9])\M')::integer
  );
begin
  -- the first rule that fits decides; a type of NULL stands for the code or the status itself
  select coalesce(r.error_type, case when r.looks_at = 'code' then v_code else 'HTTP_' || v_status end), r.class
  into error_type, class
  from (
    values
    (10, 'code', '^' || c_network || '$', null, 'transient'),
    (20, 'code', '^08[0-9A-Z]{3}$', 'DATABASE_CONNECTION', 'transient'),
    (21, 'code', '^40001$', 'SERIALIZATION_FAILURE', 'transient'),
    (22, 'code', '^40P01$', 'DEADLOCK', 'transient'),
    (23, 'code', '^53[0-9A-Z]{3}$', 'DATABASE_RESOURCES', 'transient'),
    (24, 'code', '^55P03$', 'LOCK_TIMEOUT', 'transient'),
    (25, 'code', '^57014$', 'TIMEOUT', 'transient'),
    (26, 'code', '^57P0[123]$', 'DATABASE_SHUTDOWN', 'transient'),
    (30, 'forbidden', 'rate.?limit|too many requests|quota|throttl', null, 'throttled'),
    (31, 'status', '^429$', null, 'throttled'),
    (32, 'status', '^(408|425|5[0-9][0-9])$', null, 'transient'),
    (33, 'status', '^401$', null, 'auth'),
    (34, 'status', '^(409|412|423)$', null, 'conflict'),
    (35, 'status', '^4[0-9][0-9]$', null, 'permanent'),
    (40, 'text', 'rate.?limit|too many requests|quota exceeded|throttl', 'RATE_LIMIT', 'throttled'),
    (41, 'text', 'unauthori[sz]ed|unauthenticated|authentication failed', 'UNAUTHORIZED', 'auth'),
    (42, 'text', 'invalid[ _](access |refresh )?(token|credentials|grant)|token.{0,20}(expired|revoked)',
      'UNAUTHORIZED', 'auth'),
    (43, 'text', 'connection.?refused', 'ECONNREFUSED', 'transient'),
    (44, 'text', 'connection.?reset|broken.?pipe', 'ECONNRESET', 'transient'),
    (45, 'text', 'time.?out|timed out|deadline exceeded', 'TIMEOUT', 'transient'),
    (46, 'text', 'network|socket|unreachable|\mdns\M|getaddrinfo|gaierror|name resolution',
      'NETWORK_ERROR', 'transient'),
    (47, 'text', 'connection.?(error|aborted|closed|lost)', 'NETWORK_ERROR', 'transient'),
    (99, 'text', '', 'UNKNOWN_ERROR', 'unknown')
  ) as r (rank, looks_at, pattern, error_type, class)
  where case r.looks_at
    when 'code' then v_code ~ r.pattern
    when 'status' then v_status::text ~ r.pattern
    when 'forbidden' then v_status = 403 and v_text ~* r.pattern
    else v_text ~* r.pattern
  end
  order by r.rank
  limit 1;
  retryable := class not in ('auth', 'permanent');
end
$$;
comment on function syncwell.classify_sync_error(text, integer, text) is
'What kind of error it is: error_type (the code of the network, HTTP_nnn, or a name such as TIMEOUT), class '
'(transient, throttled, auth, conflict, permanent, unknown) and whether a retry may help. Looks at, in this order: '
'p_code (Node''s, a SQLSTATE), p_http_status (given, as the code, or in the message), p_message; any of them may be '
'NULL. All 5xx and 408, 425 are transient, 429 and a 403 for rate limits throttled, 401 auth, 409, 412 and 423 '
'conflict (one retry), other 4xx permanent; what nothing fits is unknown and retried. Never raises.';
revoke all on function syncwell.classify_sync_error(text, integer, text) from public;
grant execute on function syncwell.classify_sync_error(text, integer, text) to syncwell_reader, syncwell_worker;

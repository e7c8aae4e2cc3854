begin;
select plan(26);

select is(syncwell._redact(test.org('a'), test.id('a_member'), 'boom'::text), 'boom', 'details pass where consent is not required');
select syncwell.set_setting('consent_required', 'on', p_org_id => test.org('a'));
select is(syncwell._redact(test.org('a'), test.id('a_member'), 'boom'::text), null, 'and don''t where it is');
select is(syncwell._redact(test.org('a'), test.id('a_member'), '{"a": 1}'::jsonb), null, 'nor documents');
select is(syncwell._redact(test.org('a'), null, 'boom'::text), 'boom', 'the org''s own streams have no person');
select is(syncwell._redact(test.org('b'), test.id('b_member'), 'boom'::text), 'boom', 'other orgs decide for themselves');

select is(syncwell._scrub_secrets('connect postgres://u:p@ss@host/db failed'), 'connect postgres://u:***@host/db failed', 'password in a URL');
select is(syncwell._scrub_secrets('Authorization: Bearer abc.def-123456'), 'Authorization: Bearer ***', 'bearer token');
select is(syncwell._scrub_secrets('got eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl back'), 'got *** back', 'JSON web token');
select is(syncwell._scrub_secrets('password=hunter2; user=bob'), 'password=***; user=bob', 'name=value');
select is(syncwell._scrub_secrets('{"api_key": "abc def", "n": 1}'), '{"api_key": ***, "n": 1}', 'quoted JSON');
select is(syncwell._scrub_secrets('access_token=''x y'' expired'), 'access_token=*** expired', 'quoted value');
select is(syncwell._scrub_secrets('connection refused'), 'connection refused', 'plain text stays');
select is(syncwell._scrub_secrets('see https://host/path?x=1@2'), 'see https://host/path?x=1@2', 'a URL without a password stays');
select is(syncwell._scrub_secrets(null), null, 'NULL stays');

select is(syncwell._scrub_json('{"db": {"password": "x", "host": "h"}, "list": ["token=abc", 1, null]}'),
  '{"db": {"password": "***", "host": "h"}, "list": ["token=***", 1, null]}'::jsonb, 'documents, at any depth');
select is(syncwell._scrub_json('{}'), '{}'::jsonb, 'empty object');
select is(syncwell._scrub_json('[]'), '[]'::jsonb, 'empty array');
select is(syncwell._scrub_json('true'), 'true'::jsonb, 'scalars');

select throws_ok('select syncwell._check_text(''p_message'', repeat(''s3cret'', 3), 5)', '22001', 'p_message is too long', 'too long a text');
select throws_ok('select syncwell._check_count(''p_items'', -1)', '22023', 'p_items is negative', 'a negative count');
select throws_ok('select syncwell._check_limit(1001)', '22023', 'limit out of range', 'too large a limit');
-- an error must be recorded whatever its details are
select is(length(syncwell._scrub_json((repeat('[', 3000) || '1' || repeat(']', 3000))::jsonb)::text), 6001, 'so deep that a call a level would end the stack: kept');
select is(position('hunter2' in syncwell._scrub_json((repeat('[', 3000) || '"pwd=hunter2"' || repeat(']', 3000))::jsonb)::text), 0, 'and not harmless: cut');
select is(syncwell._scrub_json('{"a": {"Cookie": [1], "b": "Basic dXNlcjpwYXNz"}, "c": "my_Api-Key: k1"}'),
  '{"a": {"Cookie": "***", "b": "Basic ***"}, "c": "my_Api-Key: ***"}'::jsonb, 'what is worth a second look gets it');

set local escape_string_warning = off;
set local standard_conforming_strings = off;
select is(syncwell._scrub_secrets('Bearer abc.def-123456'), 'Bearer ***', 'whatever a backslash means to the session');
select is((syncwell.classify_sync_error(p_message => 'status 503')).error_type, 'HTTP_503', 'nor does it change a class');

select * from finish();
rollback;

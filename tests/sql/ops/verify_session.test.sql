-- verify_session(): whether the login is bound and may do what it is bound for, and settings that do harm. What sessions
-- begin with is in tests/python/test_cli_doctor.py.
begin;
select plan(25);

create function pg_temp.wrong() returns text language sql
as $$
  select string_agg(concat_ws(' ', check_name, severity, subject), ', ' order by check_name, severity, subject)
  from syncwell.verify_session() where severity <> 'ok'
$$;
create function pg_temp.of(p_check text) returns text language sql
as $$ select concat_ws(' ', severity, detail, remedy) from syncwell.verify_session() where check_name = p_check limit 1 $$;

set session authorization a_member;
select is(pg_temp.wrong(), null, 'nothing is wrong with a user''s login');
select matches(pg_temp.of('identity'), 'ok It is bound as user, of org ' || test.org('a'), 'and it is told what it is');
reset session authorization;
set session authorization a_service;
select is(pg_temp.wrong(), null, 'nor with a service''s');
reset session authorization;
set session authorization jwt;
select is(pg_temp.wrong(), null, 'nor with one that is whoever the claims name');
reset session authorization;
set session authorization gateway;
select is(pg_temp.wrong(), null, 'nor with a gateway''s');
select matches(pg_temp.of('identity'), 'nobody until it calls act_as', 'which is told that it is nobody by itself');
reset session authorization;
set session authorization operator;
select is(pg_temp.wrong(), null, 'an operator needs no binding');
reset session authorization;

set session authorization nobody_login;
select is(pg_temp.wrong(), 'identity error login nobody_login', 'a login that is not bound is nobody');
select matches(pg_temp.of('identity'), 'bind_login\(''nobody_login''', 'and the remedy is to bind it');
reset session authorization;
set session authorization a_climber;
select is(pg_temp.wrong(), 'identity warning login a_climber', 'a user''s login with the gateway''s role cannot use it');
reset session authorization;

revoke syncwell_gateway from gateway;
grant syncwell_reader to gateway;
set session authorization gateway;
select is(pg_temp.wrong(), 'logins error login gateway', 'a gateway without its role cannot act for anybody');
select matches(pg_temp.of('logins'), 'grant syncwell_gateway to gateway$', 'and the remedy grants it');
reset session authorization;
select is(
  (select remedy from syncwell.verify_install() where check_name = 'logins' and severity = 'error'),
  'grant syncwell_gateway to gateway', 'verify_install() tells it of every login'
);
do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    grant syncwell_gateway to gateway;
    execute 'grant syncwell_gateway to gateway with inherit false';
  else
    grant syncwell_gateway to gateway;
    alter role gateway noinherit;
  end if;
end
$$;
select matches(
  (select concat_ws(' ', detail, remedy) from syncwell._verify_logins('gateway')),
  'does not inherit.* inherit', 'a role that is not inherited is none'
);

revoke syncwell_reader, syncwell_worker from a_service;
select matches(
  (select concat_ws(' ', severity, detail, remedy) from syncwell._verify_logins('a_service')),
  '^warning .* it may call nothing\. grant syncwell_reader, syncwell_worker to a_service$', 'a service needs a role as well'
);
grant syncwell_reader to a_service;
select is((select count(*) from syncwell._verify_logins('a_service')), 0::bigint, 'any will do');
alter role a_service nologin;
select is(
  (select remedy from syncwell._verify_logins('a_service')), 'alter role a_service login', 'and it has to log in'
);
alter role a_service login bypassrls;
set session authorization a_service;
select is(pg_temp.wrong(), 'logins warning login a_service', 'a login that policies do not bind sees every org');
reset session authorization;
alter role a_service nobypassrls;

set local default_transaction_read_only = on;
set session authorization a_service;
select is(pg_temp.wrong(), 'session error default_transaction_read_only', 'what is read-only records nothing');
select matches(pg_temp.of('session'), 'PGOPTIONS', 'what neither role nor database sets comes with the connection');
reset session authorization;
set local default_transaction_read_only = off;
set local row_security = off;
set session authorization a_service;
select is(pg_temp.wrong(), 'session error row_security', 'without row_security nothing can be read');
reset session authorization;
set local row_security = on;
set local session_replication_role = replica;
set session authorization a_service;
select is(pg_temp.wrong(), 'session error session_replication_role', 'a replica''s triggers do not fire');
reset session authorization;
set local session_replication_role = origin;
set local client_encoding = 'LATIN1';
select is(pg_temp.wrong(), 'session warning client_encoding', 'a client that writes little is warned');
set local client_encoding = 'UTF8';
set local syncwell.fake_now = '2026-03-01 12:00+00';
select is(pg_temp.wrong(), 'session error syncwell.fake_now', 'a clock for tests is told of');
set session authorization a_service;
select is(pg_temp.wrong(), null, 'to those for whom it is the time');

select * from finish();
rollback;

create or replace function syncwell._http_status(p_sqlstate text)
returns integer
language sql stable security invoker
begin atomic
  select coalesce(
    (
      select e.http_status from syncwell.error_codes as e
      where e.sqlstate = p_sqlstate
    ),
    case
      when p_sqlstate = '42501' then 403
      when p_sqlstate in ('40001', '40P01', '23505', '55P03') then 409
      when p_sqlstate like '54%' or p_sqlstate = '53400' then 413
      when p_sqlstate like '22%' then 400
      when p_sqlstate like '23%' then 422
      when p_sqlstate in ('57014', '57P01', '57P03', '53300') then 503
      else 500
    end
  );
end;
comment on function syncwell._http_status(text) is
'The HTTP status that says the same as a SQLSTATE: of class SW as error_codes tells, else by class; 500 where the '
'fault is not the caller''s.';
revoke all on function syncwell._http_status(text) from public;

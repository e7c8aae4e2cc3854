create or replace function syncwell._identity(
  out org_id uuid,
  out user_id uuid,
  out role text,
  out kind text,
  out rule text
)
language plpgsql stable security definer parallel restricted
set search_path = pg_catalog, pg_temp
-- called again and again: planning costs more than reading
set plan_cache_mode = force_generic_plan
as $$
declare
  v_login syncwell.logins;
  v_user_id uuid;
  v_text text;
  c_uuid constant text := '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';
begin
  select l.* into v_login from syncwell.logins as l where l.login_role = session_user;
  kind := v_login.kind;

  case v_login.kind
    when 'user' then
      v_user_id := v_login.user_id;
      rule := 'this login is bound to the user';
    when 'service' then
      org_id := v_login.org_id;
      role := 'service';
      rule := 'this login is bound to the org';
      return;
    when 'gateway' then
      -- after COMMIT a local setting reads as '', not NULL
      v_text := nullif(current_setting('syncwell.user_id', true), '');
      if v_text ~ c_uuid then
        v_user_id := v_text::uuid;
        rule := 'act_as() in this transaction';
      else
        v_text := nullif(current_setting('syncwell.org_id', true), '');
        if v_text ~ c_uuid then
          select o.org_id, 'service' into org_id, role from syncwell.orgs as o where o.org_id = v_text::uuid;
        end if;
        rule := case
          when org_id is null then 'a gateway is nobody until it calls act_as() or act_as_org() in the transaction'
          else 'act_as_org() in this transaction'
        end;
        return;
      end if;
    when 'jwt' then
      begin
        v_text := nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub';
      exception
        when invalid_text_representation or untranslatable_character then
          v_text := null;
      end;
      if v_text is null or v_text !~ c_uuid then
        rule := 'request.jwt.claims names no user';
        return;
      end if;
      v_user_id := v_text::uuid;
      rule := 'sub of request.jwt.claims';
    else
      rule := 'this login is not bound: bind_login() was not called for it';
      return;
  end case;

  select u.org_id, u.user_id, u.role into org_id, user_id, role from syncwell.users as u where u.user_id = v_user_id;
  if not found then
    rule := rule || ', but there is no such user';
  end if;
end
$$;
comment on function syncwell._identity() is
'Who is calling, from one lookup of session_user in logins; all NULL but the rule for nobody. Never current_user, '
'membership or a setting alone.';
revoke all on function syncwell._identity() from public;

-- PostgREST and Supabase: functions as RPC, tables by select and insert, under the claims and roles that these use.
--
-- Run it once, after the migrations, as who ran those: syncwell's owner says what a login is, and whoever made the
-- roles (sql/roles.sql) grants them. Running it again does no harm. On Supabase that is `postgres`, in the SQL editor.
-- With other names than Supabase's for the roles, replace them here:
--
--   authenticator  what PostgREST logs in as: the caller is `sub` of the claims that it sets, for its sessions only
--   authenticated  what it becomes for a valid token
--   anon           what it becomes without one: gets nothing
--
-- Then expose the schema, beside those that you expose already. PostgREST: `db-schemas = "public, syncwell"` in its
-- configuration, or `alter role authenticator set pgrst.db_schemas = 'public, syncwell'` and then
-- `notify pgrst, 'reload config'`.
-- Supabase: Project Settings, API, Exposed schemas. Clients name the schema in the header Content-Profile (of a GET in
-- Accept-Profile); supabase-js does with `.schema('syncwell')`.
--
-- The role of a user in its org is that of syncwell.users: no claim changes it. Whoever can sign tokens may choose
-- `sub`, and nothing else. A key without a user (Supabase's service_role) is nobody here and gets nothing: a backend
-- has a login of its own, bound as gateway or service.

do $$
declare
  v_missing constant text := (
    select string_agg(r.name, ', ' order by r.name)
    from unnest(array['anon', 'authenticated', 'authenticator']) as r (name)
    where to_regrole(r.name) is null
  );
begin
  if v_missing is not null then
    raise exception using
      errcode = '42704',
      message = 'PostgREST''s roles are not there',
      detail = format('Missing: %s.', v_missing),
      hint = 'Make them as PostgREST''s documentation says, or put the names of yours into this file.';
  end if;

  -- a user's own rows, its org's, and what it records: nobody else's, whatever it asks for
  grant syncwell_client, syncwell_reader, syncwell_worker to authenticated;
  perform syncwell.bind_login('authenticator', 'jwt');

  if has_schema_privilege('anon', 'syncwell', 'usage') then
    raise exception using
      errcode = '42501',
      message = 'anon may use schema syncwell',
      detail = 'The schema is granted to anon, or to a role that anon inherits from.',
      hint = 'Revoke that: what is called without a token must get nothing.';
  end if;
end
$$;

notify pgrst, 'reload schema';

create or replace function syncwell._encodings(p_type regtype)
returns text[]
language sql stable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select
    case
      when t.oid = any (array[
        'smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'
      ]::regtype[]) then '{number,text}'
      when t.oid = 'boolean'::regtype then '{boolean,text}'
      when t.oid = any (array['timestamptz', 'timestamp']::regtype[]) then '{epoch_ms,epoch_s,iso}'
      when t.oid = 'date'::regtype then '{text,epoch_ms,epoch_s,iso}'
      when t.oid = any (array['json', 'jsonb']::regtype[]) then '{json}'
      when t.oid = 'bytea'::regtype then '{base64}'
      when t.typcategory = 'A' or t.typtype = 'c' then '{json,text}'
      else '{text}'
    end::text[]
  from pg_type as t
  where t.oid = syncwell._base_type(p_type);
$$;
comment on function syncwell._encodings(regtype) is
'As what a column of this type can be sent; the first one unless p_encodings says otherwise.';
revoke all on function syncwell._encodings(regtype) from public;

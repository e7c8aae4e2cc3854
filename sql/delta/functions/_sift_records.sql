create or replace function syncwell._sift_records(
  p_records json,
  p_n_created integer,
  p_deletes text[],
  p_id_type regtype,
  out ids text[],
  out elements text[],
  out n_created integer,
  out deletes text[],
  out bad jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_form constant text := case
    when p_id_type = 'uuid'::regtype then '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    when p_id_type = any (array['smallint', 'integer', 'bigint']::regtype[]) then '^(0|-?[1-9][0-9]{0,18})$'
    else ''
  end;
  v_greatest constant numeric := case p_id_type
    when 'smallint'::regtype then 32767
    when 'integer'::regtype then 2147483647
    when 'bigint'::regtype then 9223372036854775807
  end;
begin
  with
  records as (
    select
      e.value::text as element, e.position, e.position <= p_n_created as is_created,
      json_typeof(e.value) = 'object' as is_object,
      case when json_typeof(e.value) = 'object' then e.value ->> 'id' end as id
    from json_array_elements(p_records) with ordinality as e (value, position)
  ),
  judged as (
    select
      r.*,
      case
        when not r.is_object then '{"code": "22023", "reason": "a record must be an object"}'
        when coalesce(r.id, '') = '' then '{"code": "22023", "reason": "a record needs an id"}'
        when length(r.id) > 255 then '{"code": "22001", "reason": "the id has more than 255 characters"}'
        when r.id !~ v_form then '{"code": "22P02", "reason": "the id is not as this table writes ids"}'
        when v_greatest is not null and r.id::numeric not between - v_greatest and v_greatest
          then '{"code": "22003", "reason": "the id is out of range"}'
      end::jsonb as fault
    from records as r
  ),
  -- an id that comes twice: the last one counts; a deletion counts more than anything
  good as (
    select distinct on (j.id)
      j.id, j.element, j.position, bool_or(j.is_created) over (partition by j.id) as is_created
    from judged as j
    where j.fault is null and j.id not in (select d.id from unnest(p_deletes) as d (id))
    order by j.id, j.position desc
  )
  select
    coalesce((select array_agg(g.id order by not g.is_created, g.position) from good as g), '{}'),
    coalesce((select array_agg(g.element order by not g.is_created, g.position) from good as g), '{}'),
    (select count(*) from good as g where g.is_created),
    array(
      select d.id from unnest(p_deletes) as d (id)
      where d.id ~ v_form
        and (v_greatest is null or case when d.id ~ v_form then d.id::numeric between - v_greatest and v_greatest end)
    ),
    coalesce(
      (
        select jsonb_agg(
          j.fault || jsonb_build_object(
            'id', left(j.id, 255), 'action', case when j.is_created then 'created' else 'updated' end,
            'record', j.element
          )
          order by j.position
        )
        from judged as j
        where j.fault is not null
      ),
      '[]'
    )
  into ids, elements, n_created, deletes, bad;
end
$$;
comment on function syncwell._sift_records(json, integer, text[], regtype) is
'Pushed records of one table, one by one: those with an id that the table can have, created ones first, each id once '
'(the last one counts; a deletion counts more), and the others with what is wrong. Deletions of ids that the table '
'can''t have are left out.';
revoke all on function syncwell._sift_records(json, integer, text[], regtype) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._sift_records(json, integer, text[], regtype) to syncwell_client;

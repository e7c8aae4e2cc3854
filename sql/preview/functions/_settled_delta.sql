create or replace function syncwell._settled_delta(p_delta jsonb)
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_list text;
  v_counts jsonb := jsonb_build_object();
  v_total bigint := 0;
  v_told constant jsonb := coalesce(p_delta -> 'statistics', '{}');
  v_fault text;
begin
  v_fault := case
    when jsonb_typeof(p_delta) <> 'object' then 'It is no object.'
    when jsonb_typeof(v_told) <> 'object' then 'Its statistics are no object.'
  end;
  foreach v_list in array array['new', 'updated', 'deleted'] loop
    exit when v_fault is not null;
    if jsonb_typeof(p_delta -> v_list) is distinct from 'array' then
      v_fault := format('Its list %s is missing or no array.', v_list);
    elsif exists (
      select from jsonb_array_elements(p_delta -> v_list) as e (value)
      where jsonb_typeof(e.value) <> 'object'
        or (v_list = 'updated' and not e.value ?& array['id', 'old_data', 'new_data'])
    ) then
      v_fault := format(
        'In its list %s is something else than %s.', v_list,
        case when v_list = 'updated' then 'objects {id, old_data, new_data}' else 'objects' end
      );
    else
      v_counts := v_counts || jsonb_build_object(v_list || '_count', jsonb_array_length(p_delta -> v_list));
      v_total := v_total + jsonb_array_length(p_delta -> v_list);
    end if;
  end loop;
  v_counts := v_counts || jsonb_build_object('total_affected', v_total);
  if v_fault is null and not (v_told || v_counts) @> v_told then
    v_fault := 'Its statistics are not those of its lists.';
  end if;
  if v_fault is not null then
    raise exception using
      errcode = 'SW705',
      message = 'this document is no preview',
      detail = v_fault,
      hint = 'It looks like {"new": [], "updated": [{"id", "old_data", "new_data"}], "deleted": []}; '
        'the statistics may be left out.';
  end if;
  if v_told @> v_counts then
    return p_delta;
  end if;
  return p_delta || jsonb_build_object('statistics', v_told || v_counts);
end
$$;
comment on function syncwell._settled_delta(jsonb) is
'The document of a preview with its statistics, which it may leave out but not contradict. Errors: SW705.';
revoke all on function syncwell._settled_delta(jsonb) from public;

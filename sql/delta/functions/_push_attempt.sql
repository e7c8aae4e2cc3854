create or replace function syncwell._push_attempt(
  p_changes json,
  p_mode text,
  p_org_id uuid,
  p_user_id uuid,
  p_snapshot pg_snapshot,
  p_own_xids xid8[],
  p_tables integer[],
  p_max_records integer,
  p_max_bad integer,
  p_has_quarantine boolean,
  p_request_id text,
  p_search_path text,
  out answer json,
  out result jsonb,
  out refused jsonb,
  out stamps jsonb,
  out is_stale boolean
)
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_is_careful constant boolean := p_mode in ('carefully', 'checking');
  v_table record;
  v_lists record;
  v_seen record;
  v_sifted record;
  v_conflict record;
  v_decision record;
  v_done record;
  v_step record;
  v_fault record;
  v_pending record;
  v_upserts json;
  v_ids text[];
  v_elements text[];
  v_deletes text[];
  v_missing text[];
  v_found text[];
  v_there text[];
  v_whole text[];
  v_dropped text[];
  v_names text[];
  v_write text;
  v_conflicts jsonb;
  v_known text[];
  v_server jsonb;
  v_n integer;
  v_n_created integer;
  v_scope uuid;
  v_org uuid;
  v_state text;
  v_reason text;
  v_records bigint := 0;
  v_created bigint := 0;
  v_updated bigint := 0;
  v_deleted bigint := 0;
  v_deferred oid[];
  v_progress boolean;
  -- what is to be written, one element a table; what belongs to it lies in the arrays below up to its bounds
  v_plans syncwell.synced_tables[] := '{}'::syncwell.synced_tables[];
  v_plan_upserts json[] := '{}'::json[];
  v_plan_scopes uuid[] := '{}'::uuid[];
  v_plan_orgs uuid[] := '{}'::uuid[];
  v_plan_created integer[] := '{}'::integer[];
  v_found_to integer[] := '{0}'::integer[];
  v_whole_to integer[] := '{0}'::integer[];
  v_deletes_to integer[] := '{0}'::integer[];
  v_all_found text[] := '{}'::text[];
  v_all_whole text[] := '{}'::text[];
  v_all_deletes text[] := '{}'::text[];
  -- what the answer tells
  v_unknown text[] := '{}'::text[];
  v_columns jsonb := '{}'::jsonb;
  v_bad jsonb := '[]'::jsonb;
  v_waiting jsonb := '[]'::jsonb;
  v_decided jsonb[] := '{}'::jsonb[];
  v_faults jsonb[] := '{}'::jsonb[];
  v_back text[];
  v_stamped text[];
  v_undeleted text[];
  v_absent jsonb := '{}'::jsonb;
  v_accepted jsonb := '{}'::jsonb;
begin
  is_stale := false;
  stamps := '{}';
  if json_typeof(p_changes) is distinct from 'object' then
    raise exception using
      errcode = '22023',
      message = 'changes must be an object',
      detail = format('It is %s.', coalesce(json_typeof(p_changes), 'NULL')),
      hint = 'Pass {"<table>": {"created": […], "updated": […], "deleted": […]}}.',
      column = 'p_changes';
  end if;

  -- every table in the order of writing, parents first: everybody takes locks in this order
  for v_table in
    select
      e.key, e.value, t.table_id, t.table_name, t.relation, t.scope_kind, t.scope_column, t.org_column, t.id_column,
      t.conflict_policy, t.conflict_function, t as plan,
      p_tables is null or t.table_id = any (p_tables) as is_covered,
      pg_visible_in_snapshot(t.registered_xid, p_snapshot)
      and (t.reset_xid is null or pg_visible_in_snapshot(t.reset_xid, p_snapshot)) as is_current,
      count(*) over (partition by t.table_id) as times
    from json_each(p_changes) as e
    left join syncwell.synced_tables as t on t.table_name = e.key
    order by t.position, t.table_id
  loop
    if v_table.table_id is null then
      v_unknown := v_unknown || left(v_table.key, 100);
      continue;
    end if;
    if v_table.times > 1 or json_typeof(v_table.value) not in ('object', 'null') then
      raise exception using
        errcode = '22023',
        message = 'the changes of a table must be one object',
        detail = format('Those of %s are not.', v_table.table_name),
        hint = 'Pass {"created": […], "updated": […], "deleted": […]} once a table.',
        column = 'p_changes';
    end if;
    continue when json_typeof(v_table.value) = 'null';
    select
      (array_agg(e.value) filter (where e.key = 'created' and json_typeof(e.value) = 'array'))[1] as created,
      (array_agg(e.value) filter (where e.key = 'updated' and json_typeof(e.value) = 'array'))[1] as updated,
      (array_agg(e.value) filter (where e.key = 'deleted' and json_typeof(e.value) = 'array'))[1] as deleted,
      count(*) filter (where json_typeof(e.value) not in ('array', 'null')) as wrong,
      count(*) - count(distinct e.key) as repeated
    into v_lists
    from json_each(v_table.value) as e
    where e.key in ('created', 'updated', 'deleted');
    if v_lists.wrong > 0 or v_lists.repeated > 0 then
      raise exception using
        errcode = '22023',
        message = 'created, updated and deleted must be arrays',
        detail = format('They are not, or are repeated, for %s.', v_table.table_name),
        hint = 'Pass {"created": […], "updated": […], "deleted": […]}; a missing one is empty.',
        column = 'p_changes';
    end if;
    v_n_created := coalesce(json_array_length(v_lists.created), 0);
    v_n := coalesce(json_array_length(v_lists.updated), 0);
    v_upserts := case
      when v_n + v_n_created = 0 then '[]'
      when v_n = 0 then v_lists.created
      when v_n_created = 0 then v_lists.updated
      else (left(v_lists.created::text, -1) || ',' || substr(v_lists.updated::text, 2))::json
    end;
    v_n := v_n + v_n_created;
    v_deletes := '{}';
    if v_lists.deleted is not null then
      v_records := v_records + json_array_length(v_lists.deleted);
      v_deletes := array(
        select distinct d.id from json_array_elements_text(v_lists.deleted) as d (id)
        where length(d.id) between 1 and 255
      );
    end if;
    v_records := v_records + v_n;
    if v_records > p_max_records then
      raise exception using
        errcode = 'SW311',
        message = 'the push has too many records',
        detail = format('It has more than %s.', p_max_records),
        hint = 'Push in parts, or raise setting delta.max_push_records.';
    end if;
    continue when v_n = 0 and v_deletes = '{}';
    if not v_table.is_current then
      raise exception using
        errcode = '40001',
        message = 'pull first',
        detail = format('Table %s was emptied or registered anew since the device''s last pull.', v_table.table_name),
        hint = 'Pull, then push under the cursor of that pull.',
        column = 'p_last_pulled_at';
    end if;

    -- the ids; where one of them is odd, each record is looked at
    v_elements := null;
    if v_is_careful then
      v_sifted := syncwell._sift_records(
        v_upserts, v_n_created, v_deletes,
        (
          select coalesce(nullif(y.typbasetype, 0), y.oid)::regtype
          from pg_attribute as a inner join pg_type as y on y.oid = a.atttypid
          where a.attrelid = v_table.relation and a.attname = v_table.id_column
        )
      );
      v_ids := v_sifted.ids;
      v_elements := v_sifted.elements;
      v_n_created := v_sifted.n_created;
      v_deletes := v_sifted.deletes;
      v_bad := v_bad || (
        select coalesce(jsonb_agg(
          f.fault || jsonb_build_object('table', v_table.table_name, 'table_id', v_table.table_id)
        ), '[]')
        from jsonb_array_elements(v_sifted.bad) as f (fault)
      );
    else
      -- apart from what sorts them: their order tells created from updated
      v_ids := array(select r.id from json_to_recordset(v_upserts) as r (id text));
      select
        count(i.id) as given, count(distinct i.id collate "C") as different,
        coalesce(max(length(i.id)), 1) as longest, coalesce(min(length(i.id)), 1) as shortest
      into v_seen
      from unnest(v_ids || v_deletes) as i (id);
      if v_seen.given < v_n + cardinality(v_deletes) or v_seen.different < v_seen.given or v_seen.longest > 255
        or v_seen.shortest = 0
      then
        raise exception using
          errcode = '22023',
          message = 'an id is missing, too long or repeated',
          detail = format('In the changes of %s.', v_table.table_name),
          hint = 'Not the end: the records are looked at one by one.';
      end if;
    end if;

    v_scope := case v_table.scope_kind when 'org' then p_org_id else p_user_id end;
    v_org := case v_table.scope_kind when 'org_user' then p_org_id end;
    -- The application's triggers find what they name by the caller's search_path. Nothing else does: others may be able
    -- to put functions there.
    execute format(
      'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
      v_table.table_name || '_push_lock'
    )
    into v_found
    using v_scope, v_org, v_ids || v_deletes, p_search_path;
    perform set_config('search_path', 'pg_catalog, pg_temp', true);

    if cardinality(v_found) < cardinality(v_ids) + cardinality(v_deletes)
      and not syncwell._is_safe_id(array_to_string(v_ids, ''))
    then
      v_dropped := array(
        select i.id
        from unnest(v_ids) as i (id)
        where not syncwell._is_safe_id(i.id) and i.id not in (select f.id from unnest(v_found) as f (id))
      );
      if v_dropped <> '{}' and not v_is_careful then
        raise exception using
          errcode = '22023',
          message = 'a new id has characters that are not safe',
          detail = format('In the changes of %s.', v_table.table_name),
          hint = 'Not the end: the records are looked at one by one.';
      end if;
      v_bad := v_bad || (
        select coalesce(
          jsonb_agg(jsonb_build_object(
            'table', v_table.table_name, 'table_id', v_table.table_id, 'id', i.id, 'record', v_elements[i.n],
            'code', '22023',
            'action', case when i.n <= v_n_created then 'created' else 'updated' end,
            'reason', 'the id has characters that are not safe'
          )),
          '[]'
        )
        from unnest(v_ids) with ordinality as i (id, n)
        where i.id = any (v_dropped)
      );
    else
      v_dropped := '{}';
    end if;

    -- the rows are locked: from here on nobody changes them, and what was changed before is seen
    v_missing := '{}';
    if not v_table.is_covered then
      v_missing := v_found;
    elsif cardinality(v_ids) > v_n_created and cardinality(v_found) < cardinality(v_ids) + cardinality(v_deletes) then
      v_missing := array(
        select i.id from unnest(v_ids[v_n_created + 1 :]) as i (id)
        except
        select f.id from unnest(v_found) as f (id)
      );
    end if;
    select
      jsonb_agg(to_jsonb(c) order by c.record_id),
      array_agg(c.record_id) filter (where c.is_known)
    into v_conflicts, v_known
    from (
      select c.*, c.record_id in (select e.id from unnest(v_deletes) as e (id)) as is_delete
      from syncwell._pushed_conflicts(
        v_table.table_id, v_ids || v_deletes, v_missing, case when v_table.is_covered then p_snapshot end, p_own_xids
      ) as c
    ) as c
    -- deleting what is deleted is no conflict
    where not (c.is_deleted and c.is_delete) and c.record_id <> all (v_dropped);
    v_whole := '{}';
    v_back := '{}';
    v_stamped := '{}';
    v_undeleted := '{}';
    if v_conflicts is not null and v_table.conflict_policy = 'reject' then
      refused := coalesce(refused, '{}') || jsonb_build_object(
        v_table.table_name, (select jsonb_agg(c.item -> 'record_id') from jsonb_array_elements(v_conflicts) as c (item))
      );
      if v_known is not null then
        -- the device knows of no deletion: it is told once more
        stamps := stamps || jsonb_build_object(v_table.table_id, to_jsonb(v_known));
      end if;
    elsif v_conflicts is not null then
      v_elements := coalesce(v_elements, array(select e.value::text from json_array_elements(v_upserts) as e));
      execute format(
        'select coalesce(jsonb_object_agg(r.id, r.record::jsonb), ''{}'') from syncwell_tables.%I($1, $2, $3) as r',
        v_table.table_name || '_push_read'
      )
      into v_server
      using v_scope, v_org, array(select c.item ->> 'record_id' from jsonb_array_elements(v_conflicts) as c (item));
      for v_conflict in
        select
          c.record_id as id, c.is_known, c.is_delete, u.n, v_server -> c.record_id as server,
          case when u.n is not null then syncwell._as_jsonb(v_elements[u.n]) end as client,
          case when c.is_delete then 'deleted' when u.n <= v_n_created then 'created' else 'updated' end as action
        from jsonb_to_recordset(v_conflicts) as c (record_id text, is_known boolean, is_delete boolean)
        left join unnest(v_ids) with ordinality as u (id, n) on u.id = c.record_id
        order by c.record_id
      loop
        v_state := null;
        begin
          v_decision := syncwell._decide_conflict(
            v_table.conflict_policy, v_table.conflict_function, v_conflict.id, v_conflict.server, v_conflict.client,
            v_conflict.is_delete
          );
        exception
          when others then
            get stacked diagnostics v_state = returned_sqlstate, v_reason = message_text;
            if not syncwell._is_bad_record(v_state) then
              raise;
            end if;
        end;
        if v_state is not null then
          v_faults := v_faults || jsonb_build_object(
            'table', v_table.table_name, 'id', v_conflict.id, 'action', v_conflict.action,
            'record', v_elements[v_conflict.n], 'code', v_state,
            'reason', left(syncwell._scrub_secrets(v_reason), 500)
          );
          v_write := 'nothing';
        else
          v_write := v_decision.write;
          v_decided := v_decided || jsonb_build_object(
            'table', v_table.table_name, 'id', v_conflict.id, 'action', v_conflict.action,
            'outcome', v_decision.outcome, 'server', v_conflict.server,
            'client', case
              when jsonb_typeof(v_conflict.client) = 'object' then v_conflict.client - '_status' - '_changed'
              else v_conflict.client
            end,
            'changed', v_decision.changed
          );
        end if;
        if v_write = 'whole' then
          v_whole := v_whole || v_conflict.id;
        elsif v_write = 'record' and v_conflict.n is not null then
          v_elements[v_conflict.n] := v_decision.record::text;
          v_whole := v_whole || v_conflict.id;
        elsif v_write = 'record' then
          v_ids := v_ids || v_conflict.id;
          v_elements := v_elements || v_decision.record::text;
          v_whole := v_whole || v_conflict.id;
          v_undeleted := v_undeleted || v_conflict.id;
        elsif v_write in ('delete', 'nothing') then
          if not v_conflict.is_delete then
            v_dropped := v_dropped || v_conflict.id;
          elsif v_write = 'nothing' then
            v_undeleted := v_undeleted || v_conflict.id;
          end if;
          if v_write = 'delete' and not v_conflict.is_delete then
            v_deletes := v_deletes || v_conflict.id;
          end if;
        end if;
        if v_conflict.is_delete and v_write in ('nothing', 'record') then
          -- the device has it no more: it must come as created
          v_back := v_back || v_conflict.id;
        elsif v_conflict.is_known and v_write = 'nothing' then
          v_stamped := v_stamped || v_conflict.id;
        end if;
      end loop;
      v_deletes := array(
        select e.id from unnest(v_deletes) as e (id)
        except
        select e.id from unnest(v_undeleted) as e (id)
      );
      if v_back <> '{}' then
        v_absent := v_absent || jsonb_build_object(v_table.table_id, to_jsonb(v_back));
      end if;
      if v_stamped <> '{}' then
        stamps := stamps || jsonb_build_object(v_table.table_id, to_jsonb(v_stamped));
      end if;
    end if;

    -- columns that are not synced: of the first records, a device's records are all alike
    if v_n > 0 then
      v_names := array(
        select distinct left(k.name, 100)
        from json_array_elements(v_upserts) with ordinality as e (value, n)
        cross join lateral json_object_keys(
          case when json_typeof(e.value) = 'object' then e.value else '{}' end
        ) as k (name)
        where e.n <= 100
          and k.name not in ('id', '_status', '_changed', v_table.scope_column, coalesce(v_table.org_column, 'id'))
          and not exists (
            select from syncwell.synced_columns as c where c.table_id = v_table.table_id and c.column_name = k.name
          )
        order by 1
        limit 100
      );
      if v_names <> '{}' then
        v_columns := v_columns || jsonb_build_object(v_table.table_name, to_jsonb(v_names));
      end if;
    end if;
    if p_has_quarantine then
      v_accepted := v_accepted || jsonb_build_object(v_table.table_name, to_jsonb(v_ids || v_deletes));
    end if;

    if v_dropped <> '{}' then
      v_n_created := (
        select count(*) from unnest(v_ids) with ordinality as i (id, n)
        where i.n <= v_n_created and i.id not in (select e.id from unnest(v_dropped) as e (id))
      );
      v_elements := array(
        select x.element
        from unnest(v_ids, v_elements) with ordinality as x (id, element, n)
        where x.id not in (select e.id from unnest(v_dropped) as e (id))
        order by x.n
      );
    end if;
    if v_elements is not null then
      v_upserts := ('[' || array_to_string(v_elements, ',') || ']')::json;
    end if;
    if v_dropped || v_undeleted <> '{}' then
      -- _write_pushed() counts: what is found must be among what is written or deleted
      v_found := array(
        select f.id from unnest(v_found) as f (id)
        intersect (
          (select i.id from unnest(v_ids) as i (id) except select e.id from unnest(v_dropped) as e (id))
          union
          select e.id from unnest(v_deletes) as e (id)
        )
      );
    end if;
    v_plans := v_plans || v_table.plan;
    v_plan_upserts := v_plan_upserts || v_upserts;
    v_plan_scopes := v_plan_scopes || v_scope;
    v_plan_orgs := v_plan_orgs || v_org;
    v_plan_created := v_plan_created || v_n_created;
    v_all_found := v_all_found || v_found;
    v_all_whole := v_all_whole || v_whole;
    v_all_deletes := v_all_deletes || v_deletes;
    v_found_to := v_found_to || cardinality(v_all_found);
    v_whole_to := v_whole_to || cardinality(v_all_whole);
    v_deletes_to := v_deletes_to || cardinality(v_all_deletes);
  end loop;
  if refused is not null then
    return;
  end if;
  v_bad := v_bad || to_jsonb(v_faults);

  -- constraints that would be checked at COMMIT only must speak now
  select array_agg(distinct g.tgconstraint)
  into v_deferred
  from unnest(v_plans) as p
  inner join pg_trigger as g on g.tgrelid = p.relation and g.tgdeferrable and g.tginitdeferred;

  -- parents are written first and deleted last
  for v_step in
    select p.n, (v_plans[p.n]).table_name, (v_plans[p.n]).table_id, k.is_delete
    from generate_series(1, cardinality(v_plans)) as p (n)
    cross join (values (false), (true)) as k (is_delete)
    order by k.is_delete = (p_mode <> 'deletes first'), case when k.is_delete then - p.n else p.n end
  loop
    v_found := v_all_found[v_found_to[v_step.n] + 1 : v_found_to[v_step.n + 1]];
    v_whole := v_all_whole[v_whole_to[v_step.n] + 1 : v_whole_to[v_step.n + 1]];
    v_deletes := v_all_deletes[v_deletes_to[v_step.n] + 1 : v_deletes_to[v_step.n + 1]];
    if v_deletes <> '{}' then
      v_there := array(
        select f.id from unnest(v_found) as f (id)
        intersect
        select e.id from unnest(v_deletes) as e (id)
      );
      v_found := array(
        select f.id from unnest(v_found) as f (id)
        except
        select e.id from unnest(v_deletes) as e (id)
      );
      v_deletes := v_there;
    end if;
    continue when v_step.is_delete and v_deletes = '{}';
    continue when not v_step.is_delete and json_array_length(v_plan_upserts[v_step.n]) = 0;
    if not v_step.is_delete and p_mode <> 'upserts first' and v_found <> '{}' then
      -- a deletion may have taken some along
      execute format(
        'select syncwell_tables.%I($1, $2, $3) from set_config(''search_path'', $4, true)',
        v_step.table_name || '_push_lock'
      )
      into v_found
      using v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_found, p_search_path;
      perform set_config('search_path', 'pg_catalog, pg_temp', true);
    end if;
    if v_is_careful then
      v_elements := case
        when v_step.is_delete then v_deletes
        else array(select e.value::text from json_array_elements(v_plan_upserts[v_step.n]) as e)
      end;
      v_done := syncwell._push_part(
        v_step.table_id, v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_step.is_delete,
        v_elements, v_found, v_whole,
        greatest(p_max_bad - jsonb_array_length(v_bad) - jsonb_array_length(v_waiting), 0),
        case when p_mode = 'checking' then v_deferred end, p_search_path
      );
      -- what stood in the way may be gone at the end
      v_waiting := v_waiting || (
        select coalesce(
          jsonb_agg(b.item || jsonb_build_object(
            'plan', v_step.n, 'is_delete', v_step.is_delete, 'element', v_elements[(b.item ->> 'n')::integer],
            'is_there', case
              when not v_step.is_delete then
                (v_elements[(b.item ->> 'n')::integer]::json ->> 'id') in (select f.id from unnest(v_found) as f (id))
            end
          )),
          '[]'
        )
        from jsonb_array_elements(v_done.bad) as b (item)
      );
      v_created := v_created + v_done.created;
      v_updated := v_updated + v_done.updated;
      v_deleted := v_deleted + v_done.deleted;
      is_stale := is_stale or v_done.is_stale;
    elsif v_step.is_delete then
      v_done := syncwell._delete_pushed(
        v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_deletes, p_search_path
      );
      v_deleted := v_deleted + v_done.deleted;
    else
      v_done := syncwell._write_pushed(
        v_step.table_name, v_plan_scopes[v_step.n], v_plan_orgs[v_step.n], v_plan_upserts[v_step.n], v_found, v_whole,
        p_search_path
      );
      v_created := v_created + v_done.created;
      v_updated := v_updated + v_done.updated;
      is_stale := is_stale or v_done.is_stale;
    end if;
    if is_stale then
      return;
    end if;
    if v_done.refused <> '{}' then
      v_bad := v_bad || (
        select coalesce(
          jsonb_agg(jsonb_build_object(
            'table', v_step.table_name, 'table_id', v_step.table_id, 'id', i.id, 'code', '23000',
            'reason', 'the table did not take it',
            'action', case
              when v_step.is_delete then 'deleted'
              when e.n <= v_plan_created[v_step.n] then 'created'
              else 'updated'
            end,
            'record', e.value::text
          )),
          '[]'
        )
        from unnest(v_done.refused) as i (id)
        left join json_array_elements(v_plan_upserts[v_step.n]) with ordinality as e (value, n)
          on not v_step.is_delete and e.value ->> 'id' = i.id
      );
    end if;
  end loop;

  -- each that waits for another is tried until none gets in
  v_progress := v_waiting <> '[]';
  while v_progress loop
    v_progress := false;
    for v_pending in
      select w.item, w.n from jsonb_array_elements(v_waiting) with ordinality as w (item, n)
      where w.item ->> 'code' in ('23503', '23505', '23P01', '23001') and w.item ->> 'reason' <> 'batch too damaged'
      order by w.n
    loop
      v_n := (v_pending.item ->> 'plan')::integer;
      v_done := syncwell._push_part(
        (v_plans[v_n]).table_id, (v_plans[v_n]).table_name, v_plan_scopes[v_n], v_plan_orgs[v_n],
        (v_pending.item ->> 'is_delete')::boolean, array[v_pending.item ->> 'element'],
        v_all_found[v_found_to[v_n] + 1 : v_found_to[v_n + 1]],
        v_all_whole[v_whole_to[v_n] + 1 : v_whole_to[v_n + 1]],
        1, case when p_mode = 'checking' then v_deferred end, p_search_path
      );
      if v_done.is_stale then
        is_stale := true;
        return;
      end if;
      if v_done.bad = '[]' and v_done.refused = '{}' then
        v_progress := true;
        v_created := v_created + v_done.created;
        v_updated := v_updated + v_done.updated;
        v_deleted := v_deleted + v_done.deleted;
        v_waiting := (
          select coalesce(jsonb_agg(w.item order by w.n), '[]')
          from jsonb_array_elements(v_waiting) with ordinality as w (item, n)
          where w.item <> v_pending.item
        );
      end if;
    end loop;
  end loop;
  v_bad := v_bad || (
    select coalesce(
      jsonb_agg(jsonb_build_object(
        'table', (v_plans[w.plan]).table_name, 'table_id', (v_plans[w.plan]).table_id,
        'id', case when w.is_delete then w.element else w.element::json ->> 'id' end,
        'action', case
          when w.is_delete then 'deleted'
          when w.n <= v_plan_created[w.plan] then 'created'
          else 'updated'
        end,
        'record', case when not w.is_delete then w.element end,
        'code', w.code, 'reason', w.reason, 'is_there', w.is_there
      )),
      '[]'
    )
    from jsonb_to_recordset(v_waiting) as w (
      plan integer, is_delete boolean, n integer, element text, code text, reason text, is_there boolean
    )
  );
  -- What a device deleted and is still here comes back as created. What was refused for other rows, which no edit of the
  -- record cures, is put right by the device's next pull: changed back to what is here, or gone. What was refused for its
  -- own values stays with the device for its user's next edit.
  for v_fault in
    select
      b.item ->> 'table_id' || case
        when b.item ->> 'action' = 'deleted' then ''
        when b.item -> 'is_there' = 'true' then ' updated'
        else ' deleted'
      end as list,
      jsonb_agg(b.item -> 'id') as ids
    from jsonb_array_elements(v_bad) as b (item)
    where b.item ->> 'id' is not null and b.item ? 'table_id'
      and (
        b.item ->> 'action' = 'deleted'
        or b.item ->> 'code' in ('23000', '23001', '23503', '23505', '23P01')
      )
    group by 1
  loop
    v_absent := coalesce(
      syncwell._merged_absent(v_absent, jsonb_build_object(v_fault.list, v_fault.ids)), '{}'
    );
  end loop;

  if v_deferred is not null then
    perform syncwell._check_deferred(v_deferred);
  end if;

  result := jsonb_build_object(
    'created', v_created, 'updated', v_updated, 'deleted', v_deleted, 'absent', v_absent, 'quarantined', v_bad,
    'conflicts', to_jsonb(v_decided), 'stamps', stamps
  ) || case when p_has_quarantine then jsonb_build_object('accepted', v_accepted) else '{}' end;
  answer := (
    format('{"success": true, "stats": {"created": %s, "updated": %s, "deleted": %s}', v_created, v_updated, v_deleted)
    || case
      when v_decided = '{}' then ''
      else ', "conflicts": ' || (
        select json_agg(json_build_object(
          'table', d.item -> 'table', 'id', d.item -> 'id', 'outcome', d.item -> 'outcome'
        ))::text
        from unnest(v_decided) as d (item)
      )
    end
    || case
      when v_bad = '[]' then ''
      else ', "quarantined": ' || (
        select json_agg(json_build_object(
          'table', b.item -> 'table', 'id', b.item -> 'id', 'reason', b.item -> 'reason'
        ))::text
        from jsonb_array_elements(v_bad) as b (item)
      )
    end
    || case
      when v_unknown = '{}' and v_columns = '{}' then ''
      else ', "ignored": ' || json_build_object('tables', to_json(v_unknown[: 100]), 'columns', v_columns)::text
    end
    || case when p_request_id is null then '' else ', "requestId": ' || to_json(p_request_id)::text end
    || '}'
  )::json;
end
$$;
comment on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) is
'One attempt at a push, inside its subtransaction: locks the rows of all tables in one order, finds and decides the '
'conflicts, writes. p_mode: upserts first; deletes first (for unique values and foreign keys that want it so); '
'carefully (record by record where a statement fails; what waits for another is tried again at the end); checking '
'(the same, and deferred constraints are checked each time). refused: {"<table>": [ids]} in conflict where the policy '
'is reject: nothing was written. is_stale: rows appeared meanwhile, to be rolled back and done again. Errors: 22023 '
'and 40001 (with a column name, for what no other mode cures), SW311, and what the tables raise.';
revoke all on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) from public;
-- sync_push runs with the caller's rights
grant execute on function syncwell._push_attempt(
  json, text, uuid, uuid, pg_snapshot, xid8[], integer[], integer, integer, boolean, text, text
) to syncwell_client;

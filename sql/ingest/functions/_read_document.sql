create or replace function syncwell._read_document(
  p_org_id uuid,
  p_document json,
  p_kinds text[],
  p_data_source text,
  p_now timestamptz,
  out rows syncwell.ingest_row[],
  out bounds integer[],
  out is_mock boolean,
  out clock_skew numeric,
  out has_rejected boolean,
  out rejections jsonb
)
language plpgsql stable security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_read syncwell.ingest_row[];
  v_bad jsonb := '[]'::jsonb;
begin
  rows := array[]::syncwell.ingest_row[];
  bounds := array[0];
  for v_n in 1..cardinality(p_kinds) loop
    select
      coalesce(
        array_agg(
          row(
            r.place, r.rejected, r.external_id, r.occurred_at, r.client_at, coalesce(r.data_source, p_data_source),
            r.platform, r.session, r.spo2, r.heart_rate, r.payload, r.local_id
          )::syncwell.ingest_row
          order by r.place
        ),
        array[]::syncwell.ingest_row[]
      ),
      v_bad || coalesce(
        jsonb_agg(
          jsonb_build_object(
            'kind', p_kinds[v_n],
            'position', r.place,
            'reason', split_part(r.rejected, ': ', 1),
            'detail', substr(r.rejected, strpos(r.rejected, ': ') + 2)
          )
          order by r.place
        ) filter (where r.rejected is not null),
        '[]'
      )
    into v_read, v_bad
    from unnest(
      syncwell._ingest_rows(p_org_id, p_kinds[v_n], syncwell._document_rows(p_document, p_kinds[v_n]), p_now)
    ) as r;
    rows := rows || v_read;
    bounds := bounds || cardinality(rows);
  end loop;

  select
    bool_and(r.data_source is not distinct from 'mock'),
    extract(epoch from greatest(max(r.client_at), max(r.occurred_at)) - p_now)
  into is_mock, clock_skew
  from unnest(rows) as r;
  is_mock := coalesce(is_mock, false);
  has_rejected := v_bad <> '[]';
  rejections := jsonb_build_object(
    'received', cardinality(rows),
    'rejected', jsonb_array_length(v_bad),
    'rejections', coalesce(
      (
        select jsonb_agg(b.value order by b.place)
        from jsonb_array_elements(v_bad) with ordinality as b (value, place)
        where b.place <= 100
      ),
      '[]'
    ),
    'rejected_by_reason', coalesce(
      (
        select jsonb_object_agg(b.reason, b.number)
        from (
          select e.value ->> 'reason' as reason, count(*) as number
          from jsonb_array_elements(v_bad) as e
          group by 1
        ) as b
      ),
      '{}'
    )
  );
end
$$;
comment on function syncwell._read_document(uuid, json, text[], text, timestamptz) is
'The records of a session document, read and checked: those of p_kinds[n] begin after bounds[n] and end with '
'bounds[n + 1]. p_data_source: where a row names none. is_mock: they are all made up; clock_skew: how many seconds the '
'newest of them is ahead of p_now; has_rejected: whether there are any that can not be taken, rejections: which, as '
'members of the answer. Errors: 22023.';
revoke all on function syncwell._read_document(uuid, json, text[], text, timestamptz) from public;

create or replace function syncwell._rejections(p_rows syncwell.ingest_row[])
returns jsonb
language plpgsql immutable security invoker parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with rejected as materialized (
      select
        r.place,
        split_part(r.rejected, ': ', 1) as reason,
        substr(r.rejected, strpos(r.rejected, ': ') + 2) as detail,
        row_number() over (order by r.place) as number
      from unnest(p_rows) as r
      where r.rejected is not null
    )
    select jsonb_build_object(
      'rejected', (select count(*) from rejected),
      'rejections', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object('position', r.place, 'reason', r.reason, 'detail', r.detail) order by r.place
          )
          from rejected as r
          where r.number <= 100
        ),
        '[]'
      ),
      'rejected_by_reason', coalesce(
        (
          select jsonb_object_agg(n.reason, n.rows)
          from (select r.reason, count(*) as rows from rejected as r group by r.reason) as n
        ),
        '{}'
      )
    )
  );
end
$$;
comment on function syncwell._rejections(syncwell.ingest_row[]) is
'Which rows of a batch are not taken: {"rejected": number, "rejections": [{"position", "reason", "detail"}] of the '
'first 100, "rejected_by_reason": {reason: number}}.';
revoke all on function syncwell._rejections(syncwell.ingest_row[]) from public;

create or replace function syncwell._volume_findings(
  p_org_id uuid,
  p_stream_ids uuid[],
  p_groups boolean
)
returns table (
  stream_id uuid,
  user_id uuid,
  source text,
  platform text,
  issue_type text,
  severity text,
  since timestamptz,
  evidence jsonb,
  suggestion text
)
language sql stable security invoker
as $$
  select
    b.stream_id, b.user_id, b.source, b.platform, case b.finding when 'gap' then 'gap' else 'drift' end, b.severity,
    b.since, b.evidence,
    case b.finding
      when 'surge' then
        'Far more comes than usual: look for a loop, a full resync or doubled items, and whether the source expects it.'
      when 'drop' then
        'Less comes than usual: compare the source''s own count, and look for filters, permissions or devices that '
        || 'stopped.'
      else
        'Nothing comes although runs may succeed: check the source itself, its permissions and what it is asked for.'
    end
  from syncwell.volume_baselines as b
  left join syncwell.streams as s on s.org_id = b.org_id and s.stream_id = b.stream_id
  where b.org_id = p_org_id
    and b.finding is not null
    and s.retired_at is null
    and case
      when b.stream_id is null then p_groups
      else p_stream_ids is null or b.stream_id = any(p_stream_ids)
    end
$$;
comment on function syncwell._volume_findings(uuid, uuid[], boolean) is
'What is significant now in the volumes of these streams of an org (p_stream_ids NULL: of all), and, with p_groups, of '
'all streams of a source and platform together (stream_id NULL), as the last check found it. issue_type: gap (nothing '
'comes), drift (a surge or a drop; evidence.kind says which).';
revoke all on function syncwell._volume_findings(uuid, uuid[], boolean) from public;

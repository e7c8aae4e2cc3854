create or replace function syncwell._flap_percent(p_states varbit)
returns numeric
language sql immutable strict security invoker parallel safe
return (
  select
    -- a change counts more the newer it is; what was not observed yet is taken to have been as the oldest is
    coalesce(
      pg_catalog.round(sum(100 * (0.75 + 0.5 * (20 - pg_catalog.length(p_states) + c.at) / 19)) / 20, 1), 0
    )
  from pg_catalog.generate_series(1, pg_catalog.length(p_states) - 1) as c (at)
  where pg_catalog.get_bit(p_states, c.at) <> pg_catalog.get_bit(p_states, c.at - 1)
);
comment on function syncwell._flap_percent(varbit) is
'How much a row of 21 observations changes, 0 to 100: the changes from one to the next, each weighing from 0.75 '
'(oldest) to 1.25 (newest), as a share of the 20 there could be. p_states: oldest first; where there are fewer, those '
'before count as unchanged, so that two changes in ten are no more than two in twenty. Formula: the published weights '
'of Nagios'' flap detection.';
revoke all on function syncwell._flap_percent(varbit) from public;

create or replace function syncwell._incarnation()
returns integer
language plpgsql volatile security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  v_current syncwell.sync_incarnations;
  v_identifier text;
begin
  select i.* into v_current from syncwell.sync_incarnations as i order by i.incarnation desc limit 1;
  -- a cluster keeps its identifier, so one look a session will do; who forges the setting fools only itself
  if v_current.system_identifier = nullif(current_setting('syncwell.system_identifier', true), '') then
    return v_current.incarnation;
  end if;
  select c.system_identifier::text into v_identifier from pg_control_system() as c;
  if v_current.system_identifier is distinct from v_identifier then
    -- waits for whoever notices at the same moment, then finds it done
    lock table syncwell.sync_incarnations in share row exclusive mode;
    select i.* into v_current from syncwell.sync_incarnations as i order by i.incarnation desc limit 1;
    if v_current.system_identifier is distinct from v_identifier then
      if v_current.incarnation is not null then
        delete from syncwell.record_changes;
        delete from syncwell.sync_cursors;
        delete from syncwell.sync_horizons;
        update syncwell.sync_devices set invalidated_xid = null where invalidated_xid is not null;
        -- older than every snapshot to come: no cursor is left that would have to see it
        update syncwell.synced_tables set registered_xid = '3', reset_xid = null;
      end if;
      insert into syncwell.sync_incarnations (system_identifier) values (v_identifier) returning * into v_current;
    end if;
  end if;
  perform set_config('syncwell.system_identifier', v_identifier, false);
  return v_current.incarnation;
end
$$;
comment on function syncwell._incarnation() is
'The number of the cluster this database lives in. The first call after it was moved (dump and restore) forgets every '
'change and cursor, whose transaction ids mean nothing any more: all devices are sent everything again.';
revoke all on function syncwell._incarnation() from public;

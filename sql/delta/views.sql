create view syncwell.deleted_records
with (security_invoker = true)
as
select
  case when t.scope_kind <> 'org' then c.scope end as user_id,
  t.table_name,
  c.record_id,
  c.deleted_at
from syncwell.record_changes as c
inner join syncwell.synced_tables as t on c.table_id = t.table_id
where c.deleted_at is not null;
comment on view syncwell.deleted_records is
'One row a record of a synced table that was deleted, or moved to somebody else, and is not back: what devices are '
'told to delete. Gone once cleanup_old_tombstones() has been there.';
comment on column syncwell.deleted_records.user_id is 'Whose record it was; NULL: the org''s.';
comment on column syncwell.deleted_records.table_name is 'The synced table.';
comment on column syncwell.deleted_records.record_id is 'The record''s id, as text.';
comment on column syncwell.deleted_records.deleted_at is 'When it was deleted or moved.';
grant select on syncwell.deleted_records to syncwell_reader;

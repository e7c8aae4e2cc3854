select
  table_name,
  partition_name,
  moved_rows
from syncwell.ensure_partitions('data_events')
union all
select
  table_name,
  partition_name,
  moved_rows
from syncwell.ensure_partitions('session_records');

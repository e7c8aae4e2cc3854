select
  table_name,
  partition_name,
  moved_rows
from syncwell.ensure_partitions('sync_activity_log');

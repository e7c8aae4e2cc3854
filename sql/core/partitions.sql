select
  table_name,
  partition_name,
  moved_rows
from syncwell.ensure_partitions('access_log');

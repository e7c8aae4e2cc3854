create or replace function syncwell.sync_push(
  p_changes json,
  p_last_pulled_at bigint default null,
  p_device_id text default null,
  p_request_id text default null,
  p_client jsonb default null
)
returns json
language sql volatile security invoker
begin atomic
  -- the application's triggers find what they name by the caller's search_path
  select syncwell._push(
    p_changes, p_last_pulled_at, p_device_id, p_request_id, p_client, false, pg_catalog.current_setting('search_path')
  );
end;
comment on function syncwell.sync_push(json, bigint, text, text, jsonb) is
'Writes what a device changed, all or nothing, under the caller''s own rights on the tables, always as the caller''s '
'own records. p_changes: {"<table>": {"created": […], "updated": […], "deleted": [ids]}}, records with string ids; '
'p_last_pulled_at: the timestamp of the device''s last pull; p_device_id as there; p_request_id (up to 200 '
'characters): a push told again under it is answered and not repeated; p_client: {platform, appVersion, networkType, '
'networkQuality}. Created with an id that exists is an update; updated of what is missing an insert, unless it was '
'deleted; deleting what is missing is fine; an id that comes twice: the last one counts, a deletion counts more. Only '
'columns that differ from what a device would be sent are written, and of an existing record only those in _changed, '
'where it names some. A value that means the same as the stored one and is only spelt otherwise (JSON, finer digits) '
'is not written, and the device keeps its own spelling until the record changes. Unknown tables and columns (of the '
'first 100 records of a table) are listed in ignored. Returns {"success": true, "stats": {created, updated, deleted}} '
'with what happened to rows, and where there are any: conflicts [{table, id, outcome}], which the table''s policy '
'decided; quarantined [{table, id, reason}], records that the table refused, which are put aside and count as '
'accepted; ignored {tables, columns}; requestId. Or {"success": false, "error": {code, message, detail, hint, '
'status}}, when nothing was written but the failure itself: SW304 conflict, 40001 the device must pull first, SW311 '
'too many records, 22023 malformed changes, 22001 a device or request id longer than 200, or what the tables raise. '
'Raised are only SW001, 42501 when the caller is no user, what a timeout raises, and 40001 and 40P01 in a transaction '
'of REPEATABLE READ or SERIALIZABLE, to be begun anew; P0001 never leaves it.';
revoke all on function syncwell.sync_push(json, bigint, text, text, jsonb) from public;
grant execute on function syncwell.sync_push(json, bigint, text, text, jsonb) to syncwell_client;

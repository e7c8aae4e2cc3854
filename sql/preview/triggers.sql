-- Whatever writes a document, the rules are the same.
create trigger sync_preview_cache_a_documents before insert or update of delta_json on syncwell.sync_preview_cache
for each row execute function syncwell._settle_preview();

create trigger sync_preview_cache_b_writes before insert or update on syncwell.sync_preview_cache
for each row execute function syncwell._date_preview();

-- get_or_compute_preview() holds the place of what it is still computing
create trigger sync_preview_cache_c_logs after insert or update of delta_json on syncwell.sync_preview_cache
for each row when (new.computed_at > '-infinity') execute function syncwell._log_preview();

create trigger settings_require_consent after insert or update or delete on syncwell.settings
for each row execute function syncwell._require_consent();

create trigger orgs_have_queue_defaults after insert on syncwell.orgs
for each row execute function syncwell._begin_queue();

create trigger settings_change_queue_defaults after insert or update or delete on syncwell.settings
for each row execute function syncwell._change_queue_defaults();

create trigger orgs_take_their_queue_along after delete on syncwell.orgs
for each row execute function syncwell._drop_queue();

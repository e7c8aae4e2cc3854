-- What devices sync. Run it as the owner of the tables, who has been granted syncwell_operator; it may be run again.

-- syncwell makes a view of each table; what may be read and written is still decided by your grants and policies
grant usage on schema journal to syncwell_owner;

-- tables that others point to come first
select syncwell.register_synced_table('journal.friends', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.interactions', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.intentions', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.life_events', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.interaction_friends', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.intention_friends', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.weekly_reflections', p_read_only => '{updated_at}');
select syncwell.register_synced_table('journal.journal_entries', p_read_only => '{updated_at}');

-- both devices of a user write these one rows: what only one of them changed is kept, without asking
select syncwell.register_synced_table(
  'journal.user_profile', p_conflict_policy => 'merge_columns', p_read_only => '{updated_at}'
);
select syncwell.register_synced_table(
  'journal.user_progress', p_conflict_policy => 'merge_columns', p_read_only => '{updated_at}'
);

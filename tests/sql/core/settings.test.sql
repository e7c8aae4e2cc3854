begin;
select plan(29);

insert into syncwell.setting_definitions (key, kind, default_value, minimum, maximum, allowed, unit, description) values
('test.count', 'integer', '3', '1', '10', null, 'runs', 'A count.'),
('test.ratio', 'number', '0.5', '0', '1', null, null, 'A ratio.'),
('test.delay', 'interval', '90 seconds', '1 second', '1 hour', null, null, 'A delay.'),
('test.mode', 'text', 'plain', null, null, '{plain,fancy}', null, 'A mode.');

select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '3', 'the default');
select lives_ok('select syncwell.set_setting(''test.count'', ''4'')', 'set for all');
select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '4', 'beats the default');
select is(syncwell.set_setting('test.count', '5', p_org_id => test.org('a')), '5', 'set for an org');
select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '5', 'beats all');
select is(syncwell._setting(test.org('b'), 'test.count', 'calls', 'ios'), '4', 'and no other org');
select is(syncwell.set_setting('test.count', '6', p_platform => 'ios'), '6', 'set for a platform');
select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '6', 'beats the org');
select is(syncwell.set_setting('test.count', '7', p_source => 'calls'), '7', 'set for a source');
select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '7', 'beats the platform');
select is(syncwell._setting(test.org('a'), 'test.count', 'sms', 'ios'), '6', 'for that source only');
select is(syncwell.set_setting('test.count', '8', 'calls', 'ios', test.org('a')), '8', 'all three together');
select is(syncwell._setting(test.org('a'), 'test.count', 'calls', 'ios'), '8', 'beat each of them');
select is(syncwell.set_setting('test.count', null, 'calls', 'ios', test.org('a')), '7', 'removed, the next one holds');
select is((syncwell._settings(test.org('a'), 'calls')) ->> 'test.count', '7', 'read as a document');

set session authorization a_member;
select is(syncwell.get_setting('test.count'), '5', 'read for the caller''s org');
select results_eq('select value, level, default_value, unit from syncwell.settings_effective() where key = ''test.count''',
  'values (''5'', ''org'', ''3'', ''runs'')', 'with the level that decided');
select results_eq('select level from syncwell.settings_effective(''calls'') where key like ''test.%'' order by key',
  'values (''source''), (''default''), (''default''), (''default'')', 'as a set for a source');
select throws_ok('select syncwell.get_setting(''test.nothing'')', 'SW010', 'unknown setting', 'an unknown setting');
select throws_ok('select syncwell.set_setting(''test.count'', ''5'')', '42501', null, 'members set nothing');
reset session authorization;

set session authorization operator;
select throws_ok('select syncwell.set_setting(''test.nothing'', ''1'')', 'SW010', 'unknown setting', 'unknown, set');
select throws_ok('select syncwell.set_setting(''test.nothing'', null)', 'SW010', 'unknown setting', 'unknown, removed');
select throws_ok('select syncwell.set_setting(''test.count'', ''11'')', 'SW011', 'setting test.count refuses this value', 'too large');
select throws_ok('select syncwell.set_setting(''test.count'', ''many'')', 'SW011', null, 'no number');
select throws_ok('select syncwell.set_setting(''test.ratio'', ''NaN'')', 'SW011', null, 'NaN');
select throws_ok('select syncwell.set_setting(''test.delay'', ''-5 minutes'')', 'SW011', null, 'a negative delay');
select throws_ok('select syncwell.set_setting(''test.mode'', ''loud'')', 'SW011', null, 'none of the allowed');
select throws_ok('select syncwell.set_setting(''test.mode'', ''fancy'', ''calls'', ''amiga'')', '22023', 'unknown platform', 'an unknown platform');
select throws_ok(format('select syncwell.set_setting(''test.mode'', ''fancy'', p_org_id => %L)', test.org('x')), 'SW003', 'unknown org', 'an unknown org');
reset session authorization;

select * from finish();
rollback;

-- A procedure that commits can have neither SET nor SECURITY DEFINER: all names are in full, all work in functions.
create or replace procedure syncwell.run_maintenance(
  p_duty text default null,
  p_force boolean default false
)
language plpgsql security invoker
as $$
declare
  v_run_id constant pg_catalog.uuid := pg_catalog.gen_random_uuid();
  v_duties pg_catalog.text[];
  v_duty pg_catalog.text;
  v_started_at pg_catalog.timestamptz;
  v_code pg_catalog.text;
  v_message pg_catalog.text;
begin
  v_duties := syncwell._due_duties(p_duty, p_force);
  commit;
  foreach v_duty in array v_duties loop
    v_started_at := syncwell._now();
    begin
      perform syncwell._do_duty(v_run_id, v_duty);
    exception
      -- one duty that fails does not keep the others from being done
      when others then
        get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
        perform syncwell._note_failed_duty(v_run_id, v_duty, v_started_at, v_code, v_message);
    end;
    commit;
  end loop;
end
$$;
comment on procedure syncwell.run_maintenance (text, boolean) is
'Does what maintenance has to do and is due, each duty in a transaction of its own: safe at any time, from several '
'places at once, and as often as once a minute. p_duty: only this duty or task; p_force (default false): also what is '
'not due. What a duty did or why it failed is in get_maintenance_report(). Call it outside of a transaction. Errors: '
'SW801 unknown duty, 2D000 called in a transaction.';
revoke all on procedure syncwell.run_maintenance(text, boolean) from public;
grant execute on procedure syncwell.run_maintenance(text, boolean) to syncwell_operator;

create or replace function syncwell._push_statement(
  p_statement text,
  p_result text,
  p_arguments text,
  p_is_large text
)
returns text
language sql immutable security invoker
begin atomic
  -- a plan that is kept was made for few records: for many, one is made that knows how many
  select pg_catalog.format(
    E'if %s then\n    execute $statement$%s$statement$\n    into %s\n    using %s;\n  else\n    %s;\n  end if;',
    p_is_large,
    pg_catalog.replace(p_statement, ' {into}', ''),
    p_result,
    p_arguments,
    pg_catalog.replace(p_statement, '{into}', 'into ' || p_result)
  );
end;
comment on function syncwell._push_statement(text, text, text, text) is
'PL/pgSQL that runs a statement, with {into} where its result is named, as static SQL, and where p_is_large holds '
'with a plan made for its arguments.';
revoke all on function syncwell._push_statement(text, text, text, text) from public;

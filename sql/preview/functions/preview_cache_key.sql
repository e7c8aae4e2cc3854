create or replace function syncwell.preview_cache_key(p_params jsonb)
returns text
language sql immutable strict security invoker parallel safe
begin atomic
  select encode(
    sha256(
      convert_to(
        -- strings stay whole; of what is outside of them only fractions can end in zeros
        regexp_replace(
          p_params::text,
          '("(?:[^"\\]|\\.)*")|([.][0-9]*[1-9])0+(?![0-9])|[.]0+(?![0-9])',
          '\1\2',
          'g'
        ),
        'UTF8'
      )
    ),
    'hex'
  );
end;
comment on function syncwell.preview_cache_key(jsonb) is
'64 hexadecimal digits that are the same for p_params that are equal as jsonb, in any order of keys and with 1.0 = 1, '
'and different for all others, as far as SHA-256 goes. Its canonical form: the text of the jsonb (keys sorted by '
'length, then bytes, each once, the last one counts; one space after colons and commas; numbers without exponent), '
'numbers without zeros at the end of their fraction, in UTF-8. Any JSON is something else: 1 and "1", null, {} and '
'[]. NULL for NULL, which is no JSON. No errors.';
revoke all on function syncwell.preview_cache_key(jsonb) from public;
grant execute on function syncwell.preview_cache_key(jsonb) to syncwell_client, syncwell_reader, syncwell_worker;

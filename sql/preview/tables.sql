-- preview: what a sync would change, computed once and kept for a while.

create table syncwell.sync_preview_cache (
  org_id uuid not null default syncwell.current_org_id() references syncwell.orgs on delete cascade,
  id uuid not null default gen_random_uuid(),
  sync_type syncwell.sync_type not null,
  sync_id text constraint sync_preview_cache_sync_id_is_short check (length(sync_id) <= 200),
  delta_json jsonb not null,
  computed_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  computed_by uuid default syncwell.current_user_id(),
  cache_key text not null constraint sync_preview_cache_key_is_short check (length(cache_key) between 1 and 200),
  new_count bigint not null,
  updated_count bigint not null,
  deleted_count bigint not null,
  bytes bigint not null,
  primary key (org_id, id),
  constraint sync_preview_cache_is_one_per_key unique (org_id, cache_key),
  constraint sync_preview_cache_lives check (expires_at > computed_at)
);
create index sync_preview_cache_newest on syncwell.sync_preview_cache (org_id, computed_at);
create index sync_preview_cache_by_expiry on syncwell.sync_preview_cache (expires_at);
comment on table syncwell.sync_preview_cache is
'What syncs would change, until it is too old to be believed. Written by get_or_compute_preview() and '
'store_preview(), or with plain INSERT and UPDATE: triggers keep what they leave out. Expired rows are seen by nobody, '
'and removed by auto_cleanup_preview_cache().';
comment on column syncwell.sync_preview_cache.org_id is 'The org; every member sees its previews.';
comment on column syncwell.sync_preview_cache.id is 'The preview''s id; another one when it is computed anew.';
comment on column syncwell.sync_preview_cache.sync_type is
'What kind of system is synced: woocommerce, odoo, shopify, custom, or one of setting preview.sync_types.';
comment on column syncwell.sync_preview_cache.sync_id is
'The sync that it was computed for, up to 200 characters; NULL: not told.';
comment on column syncwell.sync_preview_cache.delta_json is
'{new, updated [{id, old_data, new_data}], deleted, statistics {new_count, updated_count, deleted_count, '
'total_affected, …}}: see compute_preview_delta(). The statistics are those of the lists.';
comment on column syncwell.sync_preview_cache.computed_at is
'When it was computed; not writable.';
comment on column syncwell.sync_preview_cache.created_at is
'When the row was made, or when it was begun to compute it.';
comment on column syncwell.sync_preview_cache.updated_at is 'When the row was last written.';
comment on column syncwell.sync_preview_cache.expires_at is
'From when on it is not valid any more, at most 30 days after computed_at; not told: after setting preview.ttl.';
comment on column syncwell.sync_preview_cache.computed_by is
'The user who had it computed; NULL: a service did, or the user is gone.';
comment on column syncwell.sync_preview_cache.cache_key is
'What it is a preview of, unique in the org; of the functions: sync_type:preview_cache_key(parameters), '
'with = in place of the colon where the records themselves are the parameters.';
comment on column syncwell.sync_preview_cache.new_count is 'Records that would be created.';
comment on column syncwell.sync_preview_cache.updated_count is 'Records that would be changed.';
comment on column syncwell.sync_preview_cache.deleted_count is 'Records that would be deleted.';
comment on column syncwell.sync_preview_cache.bytes is 'Length of delta_json as text, in bytes.';

create table syncwell.preview_claims (
  org_id uuid not null references syncwell.orgs on delete cascade,
  cache_key text not null,
  sync_type syncwell.sync_type not null,
  lease_token uuid not null,
  claimed_at timestamptz not null,
  lease_until timestamptz not null,
  claimed_by uuid,
  primary key (org_id, cache_key),
  constraint preview_claims_last check (lease_until > claimed_at)
);
create unique index preview_claims_by_token on syncwell.preview_claims (org_id, lease_token);
create index preview_claims_by_end on syncwell.preview_claims (lease_until);
comment on table syncwell.preview_claims is 'Who is computing a preview outside of the database: one a key.';
comment on column syncwell.preview_claims.org_id is 'The org.';
comment on column syncwell.preview_claims.cache_key is 'Of which preview.';
comment on column syncwell.preview_claims.sync_type is 'Its sync type.';
comment on column syncwell.preview_claims.lease_token is 'Proof of the one who computes it.';
comment on column syncwell.preview_claims.claimed_at is 'Since when.';
comment on column syncwell.preview_claims.lease_until is 'From when on another one may.';
comment on column syncwell.preview_claims.claimed_by is 'The user who claimed it; NULL: a service did.';

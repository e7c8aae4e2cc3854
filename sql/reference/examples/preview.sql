--! auto_cleanup_preview_cache
select deleted_count, error_message from syncwell.auto_cleanup_preview_cache();

--! claim_preview
select state, lease_token, lease_until, delta from syncwell.claim_preview('shopify', '{"since": "2026-03-01"}');

--! compute_preview_delta
select syncwell.compute_preview_delta(
  p_current => '[{"id": 1, "stock": 5}, {"id": 2, "stock": 0}]',
  p_incoming => '[{"id": 1, "stock": 4}, {"id": 3, "stock": 9}]'
) -> 'statistics' as statistics;

--! get_or_compute_preview
select cache_key, from_cache, expires_at, delta -> 'statistics' as statistics
from syncwell.get_or_compute_preview(
  'shopify',
  p_current => '[{"sku": "A1", "stock": 5}]',
  p_incoming => '[{"sku": "A1", "stock": 4}]',
  p_key => 'sku',
  p_params => '{"shop": "berlin"}'
);

--! get_preview
select sync_type, delta -> 'statistics' as statistics, expires_at
from syncwell.get_preview('shopify:' || syncwell.preview_cache_key('{"shop": "munich"}'));

--! get_previews
select sync_type, sync_id, total_affected, pg_size_pretty(bytes) as size, seconds_left
from syncwell.get_previews('shopify');

--! invalidate_preview
select syncwell.invalidate_preview(p_sync_type => 'shopify');

--! preview_cache_key
select syncwell.preview_cache_key('{"shop": "berlin", "since": 1.0}');

--! release_preview
select syncwell.release_preview(lease_token) from syncwell.claim_preview('shopify', '{"since": "2026-03-01"}');

--! store_preview
select kept.preview_id, kept.cache_key, kept.expires_at
from syncwell.claim_preview('shopify', '{"since": "2026-03-01"}') as claimed
cross join lateral syncwell.store_preview(
  claimed.lease_token, '{"new": [{"sku": "A7"}], "updated": [], "deleted": []}'
) as kept;

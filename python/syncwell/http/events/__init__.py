"""GET /sync/events: one connection listens, one hub tells everybody what is different."""

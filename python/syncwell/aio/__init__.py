"""The asynchronous client; `syncwell.AsyncSyncwell` is where to start."""

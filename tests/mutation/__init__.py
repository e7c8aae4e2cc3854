"""`make mutate`: small errors are put into the SQL, one at a time, to see whether a test fails."""

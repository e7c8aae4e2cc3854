"""`make coverage`: which statements of the SQL functions and which branches of the Python package the tests reach."""

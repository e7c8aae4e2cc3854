"""`syncwell doctor` asks server, schema and environment, and says in words what is wrong and what cures it.

What is a rule of the database is asked of it: `verify_session()` and `verify_install()`.
"""

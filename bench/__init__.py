"""Measures what is promised in numbers: every speed is a ratio to a yardstick in the same run, on one server.

`make bench` or `python -m bench`; each module of `bench.rows` is a row of the table.
"""

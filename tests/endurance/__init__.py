"""An hour's mixed load, on a clock that runs faster: does anything grow that should not?

`make endurance` lets devices, batches, queue workers, progress and maintenance work side by side for ten minutes, in
which an hour passes for the database, and writes build/endurance.json and build/endurance.svg.
"""

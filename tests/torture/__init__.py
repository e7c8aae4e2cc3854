"""`kill -9` of the server, of workers, of the HTTP process, while there is work; an oracle on the clients' side.

`make torture` runs rounds; a round is told by its seed and number, and can be run again alone:

    python -m torture --seed 7 --only 113

A round: a fresh copy of the template, a load that works, a victim that dies at a point counted in work done (bytes of
its conversations, bytes of WAL), recovery. Then the load's journal of what was sent and what was acknowledged is held
against the database, once as it came back and once more when all that was not acknowledged has been sent again.
"""

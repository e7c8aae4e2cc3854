"""`syncwell demo`: a real sync of a real history, with a failure and its recovery, in a server of its own."""

"""`syncwell demo`, in a server of its own: a simulated fleet of phones, and a real sync of a real history.

Both have their failures; it ends with what health finds of them.
"""

"""The spec: the tables that a user writes, how they are read and merged, what they mean, and what is wrong with them.

`read_spec` (`spec.reading`) is the way in.
"""

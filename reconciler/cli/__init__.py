"""The command line. One file per command; each parses, calls one flow, renders, and returns an exit code."""

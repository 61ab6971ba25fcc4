"""HTTP as the providers need it: safe to repeat, bounded, one connection per thread, errors for persons."""

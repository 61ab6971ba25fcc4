"""HTTP as the providers need it: safe to repeat, bounded, at most so many requests at once, errors for persons."""

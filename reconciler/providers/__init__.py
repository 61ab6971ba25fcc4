"""Our code for systems and plugins, one folder each, found by entry point."""

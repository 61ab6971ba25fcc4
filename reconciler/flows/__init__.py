"""What each command does, as a pipeline; the place where the parts are put together."""

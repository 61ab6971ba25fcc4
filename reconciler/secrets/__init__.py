"""Where secrets lie: a file beside the state, the environment, or commands of the operator's own configuration."""

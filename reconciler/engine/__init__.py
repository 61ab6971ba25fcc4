"""The machinery between plan and systems: reading, executing in order, the state store."""

"""Where states lie. A backend keeps bytes; every rule is in the state store above it."""

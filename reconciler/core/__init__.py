"""The pure heart: values, the decision table, hazards, order. No IO, no clock, no randomness, no logging."""

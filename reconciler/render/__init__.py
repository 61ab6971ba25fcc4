"""From values to text, JSON and Markdown. No IO, no clock; what servers say is made harmless here."""

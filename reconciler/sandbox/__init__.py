"""Emulated Clavex, Jira and Confluence on loopback: a world to try things on, and to test against."""

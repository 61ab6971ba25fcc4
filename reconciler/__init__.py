"""Keeps Jira and Confluence single sign-on with Clavex in Git."""

__version__ = "0.1.0"

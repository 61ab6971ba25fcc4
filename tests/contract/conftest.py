"""The servers that backends are tested against."""

from contract.fixtures import buckets, documents, gitlab, postgres_server

__all__ = ["buckets", "documents", "gitlab", "postgres_server"]

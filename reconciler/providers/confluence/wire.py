"""Shapes of answers that several parts of Confluence share (facts atlassian 6.2)."""

from __future__ import annotations

from pydantic import BaseModel, Field


class NamedGroup(BaseModel):
    """A group, as far as it concerns us."""

    name: str


class Links(BaseModel):
    """Where the list goes on; empty at its end."""

    next: str = ""


class Groups(BaseModel):
    """A part of a list of groups."""

    results: list[NamedGroup]
    links: Links = Field(default_factory=Links, alias="_links")

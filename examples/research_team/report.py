"""What the members of the team give to each other."""

from typing import Literal

from pydantic import BaseModel


class Finding(BaseModel):
    """One thing that a document says."""

    measure: str
    value: str
    how: str
    source: str


class Findings(BaseModel):
    """What the documents say about a question."""

    findings: list[Finding]
    contradictions: list[str]
    confidence: float


class Draft(BaseModel):
    """A report before anybody has agreed to it."""

    title: str
    text: str
    sources: list[str]


class Review(BaseModel):
    """What one reviewer thinks of a draft."""

    verdict: Literal["accept", "revise"]
    points: list[str]
    confidence: float


class Report(BaseModel):
    """What the team ends with."""

    title: str
    text: str
    sources: list[str]
    accepted: bool
    reviewed: str

"""The codes of what is said of a spec: one for each kind of mistake, kept for ever."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """What `narrowcast explain CODE` explains; a code that falls away is not used again."""

    UNREADABLE = "NC101"
    CHARACTER = "NC102"
    SYNTAX = "NC103"
    INDENTATION = "NC104"
    TWICE = "NC105"
    KEY = "NC106"
    TAG = "NC107"
    SIZE = "NC108"
    NO_MAPPING = "NC109"

    UNKNOWN = "NC201"
    MISSING = "NC202"
    TYPE = "NC203"
    RANGE = "NC204"
    WORD = "NC205"
    FORM = "NC206"

    RULE = "NC301"
    CHOICE = "NC302"
    EFFECT = "NC303"
    COUNT = "NC304"
    ABILITY = "NC305"
    FILE = "NC306"
    DIRECTION = "NC307"

    CHOSEN = "NC351"
    UNUSED = "NC352"
    ELSEWHERE = "NC353"
    MEANING = "NC354"

"""The runtime's version: a literal, since a vendored copy has no metadata."""

VERSION = "0.1.0"

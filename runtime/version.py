"""The version of narrowcast, a literal: importing the runtime must cost nothing."""

VERSION = "0.1.0"

"""What is found out by running: sketch, statistics, output errors, timings, agreement."""

from .. import ir  # noqa: F401

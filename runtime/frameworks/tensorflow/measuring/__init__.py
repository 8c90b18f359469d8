"""What is found out by running: sketch, statistics, output errors, timings, agreement."""

from ..ir import first_import  # noqa: F401

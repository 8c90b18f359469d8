"""Running a graph, or its nodes one by one, and the switches that hold fp32."""

from .. import ir  # noqa: F401

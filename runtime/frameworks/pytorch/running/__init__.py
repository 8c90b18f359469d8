"""Running a graph, or its ops one by one, and the switches that hold fp32."""

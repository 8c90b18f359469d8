"""Running a network, or its nodes one by one, and the switches that hold fp32."""

"""Placement over three labels: int8, 16 bits and fp32."""

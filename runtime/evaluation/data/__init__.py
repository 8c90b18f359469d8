"""Reading datasets: one module per format, NumPy arrays out."""

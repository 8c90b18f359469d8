"""What is found out by running: probes, sketch, output errors, timings, agreement."""

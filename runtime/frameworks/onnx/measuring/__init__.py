"""What is found out by running: probes, output errors, timings, agreement."""

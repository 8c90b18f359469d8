"""What is found out by running: sketch, statistics, output errors, timings, agreement."""

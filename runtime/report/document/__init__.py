"""`NAME.report.json`: what a run did, as data that other programs read."""

"""`NAME.report.html`: the same for people, on one page that asks for nothing else."""

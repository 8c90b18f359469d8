"""Damaged files of every format that narrowcast opens, by seed (`make nightly`)."""

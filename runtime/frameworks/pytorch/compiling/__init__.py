"""Packages of AOTInductor: compiled, packed, opened, timed."""

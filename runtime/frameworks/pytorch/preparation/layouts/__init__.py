"""Layouts that CPU kernels compute in; what is computed stays."""

"""Running a model, or its ops one by one, on any runtime."""

"""Many specs, a run of a script each: on this machine, or on an engine's workers."""

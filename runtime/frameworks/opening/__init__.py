"""Opening models: what all adapters say of them alike."""

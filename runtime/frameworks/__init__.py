"""One folder per framework, each an adapter behind the protocol of `protocol.py`."""

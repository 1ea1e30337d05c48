"""One function per asset, without an orchestrator: read stored objects, call one part of the library, commit the result."""

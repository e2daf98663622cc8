"""The emptiest tap that the Meltano SDK allows."""

from singer_sdk import Stream, Tap


class EmptyTap(Tap):
    """No streams, no settings."""

    name = "tap-empty"
    config_jsonschema = {"type": "object", "properties": {}}

    def discover_streams(self) -> list[Stream]:
        """Discover no stream."""
        return []


EmptyTap.cli()

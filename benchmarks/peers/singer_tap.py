"""A REST tap as the Meltano SDK's documentation teaches it."""

import json
import pathlib
import sys
import time

from singer_sdk import RESTStream, Stream, Tap

JOB = json.loads(sys.argv[1])
COUNT = [0]


class ItemsStream(RESTStream):
    """The plain list."""

    name = "items"
    path = "/plain"
    url_base = JOB["url"]
    primary_keys = ("id",)
    schema = JOB["schema"]
    records_jsonpath = "$.data[*]"
    next_page_token_jsonpath = "$.next_page"  # noqa: S105 - a path

    def get_url_params(self, context, next_page_token):  # noqa: ARG002, D102
        return {"page": next_page_token} if next_page_token else {}

    def post_process(self, row, context=None):  # noqa: ARG002
        """Count; the SDK calls this for every record in any case."""
        COUNT[0] += 1
        return row


class ItemsTap(Tap):
    """One stream."""

    name = "tap-items"
    config_jsonschema = {"type": "object", "properties": {}}

    def discover_streams(self) -> list[Stream]:
        """The plain list."""
        return [ItemsStream(tap=self)]


tap = ItemsTap()
started = time.perf_counter()
tap.sync_all()
seconds = time.perf_counter() - started
said = {"seconds": seconds, "records": COUNT[0]}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))

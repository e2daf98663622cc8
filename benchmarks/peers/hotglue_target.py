"""A hotglue target with one sink, which POSTs each record."""

import json
import pathlib
import sys
import time

from hotglue_singer_sdk.target_sdk.client import HotglueSink
from hotglue_singer_sdk.target_sdk.target import TargetHotglue

JOB = json.loads(sys.argv[1])


class ItemsSink(HotglueSink):
    """The plain endpoint."""

    name = "items"
    endpoint = "/plain"
    base_url = JOB["url"]
    unified_schema = None

    def preprocess_record(self, record: dict, context: dict) -> dict:  # noqa: ARG002
        """Send it as it is."""
        return record


class ItemsTarget(TargetHotglue):
    """One sink."""

    name = "target-items"
    config_jsonschema = {"type": "object", "properties": {}}
    SINK_TYPES = [ItemsSink]

    def get_sink_class(self, stream_name: str) -> type[ItemsSink]:  # noqa: ARG002
        """The one sink."""
        return ItemsSink


target = ItemsTarget(config={})
started = time.perf_counter()
target.listen(sys.stdin)
seconds = time.perf_counter() - started
(summary,) = target._latest_state["summary"].values()  # noqa: SLF001
said = {"seconds": seconds, "records": summary["success"]}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))

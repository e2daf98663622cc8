"""A target that drops batches, as the Meltano SDK's documentation teaches it; it validates."""

import json
import pathlib
import sys
import time

from singer_sdk import Target
from singer_sdk.sinks import BatchSink

JOB = json.loads(sys.argv[1])


class NullSink(BatchSink):
    """Takes records and does nothing with them."""

    taken = 0

    def process_batch(self, context: dict) -> None:
        """Count what would be written."""
        NullSink.taken += len(context["records"])


class NullTarget(Target):
    """One sink for all."""

    name = "target-null"
    config_jsonschema = {"type": "object", "properties": {}}
    default_sink_class = NullSink


target = NullTarget(config={})
started = time.perf_counter()
target.listen()
seconds = time.perf_counter() - started
said = {"seconds": seconds, "records": NullSink.taken}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))

"""dlt's `rest_api` source into PostgreSQL: extract, normalize, load."""

import json
import pathlib
import sys
import tempfile
import time

import dlt
from dlt.sources.rest_api import rest_api_source

JOB = json.loads(sys.argv[1])
source = rest_api_source(
    {
        "client": {
            "base_url": JOB["url"],
            "paginator": {"type": "cursor", "cursor_path": "next_page", "cursor_param": "page"},
        },
        "resources": [
            {
                "name": "items",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {"path": "plain", "data_selector": "data"},
            }
        ],
    }
)
with tempfile.TemporaryDirectory() as folder:
    destination = dlt.destinations.postgres(JOB["postgres"])
    pipeline = dlt.pipeline(
        "items", pipelines_dir=folder, destination=destination, dataset_name=JOB["schema"]
    )
    started = time.perf_counter()
    pipeline.run(source)
    seconds = time.perf_counter() - started
counts = pipeline.last_trace.last_normalize_info.row_counts
said = {"seconds": seconds, "records": counts["items"]}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))

"""dlt's `rest_api` source, extract step only."""

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
                "endpoint": {"path": "plain", "data_selector": "data"},
            }
        ],
    }
)
with tempfile.TemporaryDirectory() as folder:
    pipeline = dlt.pipeline("items", pipelines_dir=folder, destination="duckdb")
    started = time.perf_counter()
    info = pipeline.extract(source)
    seconds = time.perf_counter() - started
tables = [part["table_metrics"] for part in info.metrics[info.loads_ids[0]]]
records = sum(table["items"].items_count for table in tables if "items" in table)
said = {"seconds": seconds, "records": records}
pathlib.Path(JOB["result"]).write_text(json.dumps(said))

"""A target as one writes it in an afternoon. The suite must catch it: see test_the_suite.py.

It repeats a write whose answer is lost, drops a record that is refused, and passes STATE on as soon
as it sees one, while records still wait for their batch.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request

ATTEMPTS = 4
BATCH = 10


def post(url: str, record: object) -> None:
    """Send a record until there is an answer."""
    request = urllib.request.Request(  # noqa: S310 - the suite's own server
        f"{url}/contacts", json.dumps(record).encode(), {"Content-Type": "application/json"}
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 400:
                sys.stderr.write("a record was refused\n")
                return
            if attempt == ATTEMPTS:
                raise
        except OSError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def main(url: str, *options: str) -> None:
    """Write what comes on stdin."""
    if "--dry-run" in options:
        sys.stdin.read()
        return
    waiting: list[object] = []
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "RECORD":
            waiting.append(message["record"])
        elif message["type"] == "STATE":
            sys.stdout.write(json.dumps(message["value"]) + "\n")
            sys.stdout.flush()
        if len(waiting) >= BATCH:
            while waiting:
                post(url, waiting.pop(0))
    for record in waiting:
        post(url, record)


if __name__ == "__main__":
    main(*sys.argv[1:])

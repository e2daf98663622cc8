"""Whatever a vendor's server answers, a read ends with 0 or 1 and one line, and invents nothing."""

from __future__ import annotations

import gzip
import json
import logging
import typing as t
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import aimsio, cimcloud, run_command, run_tap, written

if t.TYPE_CHECKING:
    import pathlib

    from tests.tap_erp.running import Config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses", "no_waits")]

KEYS = {"guid", "id", "ID", "Id", "customerID", "styleID", "Acct", "product_id", "account_id"}


@pytest.fixture(scope="module", autouse=True)
def no_waits() -> t.Iterator[None]:
    """Waits for the vendor take no time; a call that is put off gives up soon."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("erp_vendors.http.budget.Clock.sleep", lambda *_: None)
        for name in ("limited", "hold", "obey_headers"):
            patched.setattr(f"erp_vendors.http.budget.Budget.{name}", lambda *_: None)
        patched.setattr("erp_vendors.http.transport.WAITS", 2)
        patched.setattr("erp_vendors.http.transport.backoff.full_jitter", lambda _: 0)
        yield


def block(vendor: str, url: str) -> Config:
    """The configuration of one vendor, and streams that show all its ways to read."""
    login = {"username": "somebody", "password": "hunter2-hunter2", "api_url": url}
    quick = {"requests_per_second": 100_000, "timeout_seconds": 0.5, "max_answer_bytes": 100_000}
    more: dict[str, Config] = {
        "aims360": {
            "access_token": "a-token-of-some-length",
            "api_url": url,
            "calls_per_minute": 10**6,
        },
        "aimsio": aimsio(url)["aimsio"],
        "aim": {**login, "api_key": "a-key-of-some-length", "app_id": "app"},
        "cimcloud": {**cimcloud(url)["cimcloud"], "auth_type": "basic"},
        "pentamic": {
            "client_id": "me",
            "client_secret": "hunter2-hunter2",
            "scope": "all",
            "api_url": url,
            "token_url": f"{url}/token",
        },
    }
    return {vendor: {**more[vendor], **quick}}


STREAMS = {
    "aims360": ("aims360_orders", "aims360_styles"),
    "aimsio": ("aimsio_employees", "aimsio_object_index"),
    "aim": ("aim_customers", "aim_ship_tos", "aim_items"),
    "cimcloud": ("cimcloud_accounts", "cimcloud_products"),
    "pentamic": ("pentamic_customers", "pentamic_customer_invoices"),
}


def logs_in(vendor: str, request: Request, url: str) -> Reply | None:
    """What a login is answered with, so that there is something to read; None for other calls."""
    if vendor == "pentamic" and request.path == "/token":
        return Reply(body={"access_token": "a-token-of-some-length", "token_type": "Bearer"})
    if vendor == "aim" and "/GetEndPoint" in request.path:
        return Reply(body={"NewEndpointDomain": url, "Status": {"StatusCode": "Ok"}})
    if vendor == "aim" and "/Security" in request.path:
        return Reply(body={"Token": "a-token-of-some-length", "Status": {"StatusCode": "Ok"}})
    return None


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats()
RECORDS = st.dictionaries(st.sampled_from([*sorted(KEYS), "name", "updatedAt"]), LEAVES, max_size=6)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
LISTS = st.lists(RECORDS | VALUES, max_size=5)
SHELLS = st.sampled_from(["", "value", "Customers", "Items", "Results", "data"])
JSON = st.builds(lambda rows, shell: {shell: rows} if shell else rows, LISTS, SHELLS) | VALUES
TEXTS = st.sampled_from(
    [
        *("<html>Sign in</html>", "<!-- <a --><!DOCTYPE a><a/>", "<a>" * 5_000 + "</a>" * 5_000),
        *("[" * 20_000 + "]" * 20_000, '{"value":' * 900 + "1" + "}" * 900),
        *('[{"id": 1e9999999999999999999}]', '[{"id": 1', '["\\ud800"]', "null", "", " ", "0x"),
        *("<ArrayOfCustomer><Customer><Acct>1</Acct></Customer></ArrayOfCustomer>", "<a/>"),
        "<?xml version='1.0' encoding='none-such'?><a/>",
        " " * 200_000,
    ]
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | TEXTS.map(str.encode) | st.binary()
ENCODINGS: dict[str, t.Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
    "br": bytes,
    "nonsense": bytes,
}
CHARSETS = st.sampled_from(
    ["", "; charset=windows-1252", "; charset=utf-16", "; charset=none-such"]
)
KINDS = st.sampled_from(["application/json", "application/xml", "text/html", "image/png"])
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Location", "ETag"]
    ),
    st.sampled_from(
        [
            "0",
            "-1",
            "1",
            "soon",
            "",
            "http://127.0.0.1:1/",
            "1e999",
            "nan",
            "--5",
            "²",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ]
    ),
    max_size=2,
)
STATUSES = st.sampled_from(
    [
        *[200] * 12,
        201,
        202,
        204,
        205,
        206,
        207,
        301,
        304,
        400,
        401,
        403,
        404,
        405,
        429,
        500,
        501,
        503,
        599,
        101,
        103,
        199,
        600,
        999,
    ]
)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    name, body = draw(st.sampled_from([*[""] * 5, *ENCODINGS])), draw(BODIES)
    headers = {"Content-Type": draw(KINDS) + draw(CHARSETS), **draw(HEADERS)}
    status = draw(STATUSES)
    raw = b"" if status in {204, 205, 304} or status < 200 else ENCODINGS[name](body)
    cut = draw(st.sampled_from([*[""] * 9, "half", "before"]))
    return Reply(status, raw, {**headers, "Content-Encoding": name} if name else headers, cut=cut)


def parts_of(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """All objects in a value, however deep."""
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from parts_of(part)
    if isinstance(value, dict):
        yield value


def objects_in(reply: Reply) -> list[dict[str, t.Any]]:
    """All objects that a reply holds, as it was before it was squeezed."""
    raw, name = reply.raw, reply.headers.get("Content-Encoding", "")
    if raw:
        for _ in range(name.count("gzip")):
            raw = gzip.decompress(raw)
        raw = zlib.decompress(raw) if name == "deflate" else raw
    try:
        return list(parts_of(json.loads(raw)))
    except (ValueError, RecursionError):
        return []


def as_text(value: object) -> str:
    """A value as text that is the same for a decimal and a float of one number."""
    return json.dumps(value, default=float, sort_keys=True)


def is_of(stream: str, record: dict[str, t.Any], part: dict[str, t.Any]) -> bool:
    """Whether a record is an object of an answer, to which keys may have been added."""
    if stream == "aimsio_object_index":
        return record["id"] in {str(part.get(name)) for name in ("guid", "id")}
    return all(name in record and as_text(record[name]) == as_text(part[name]) for name in part)


@pytest.mark.parametrize("vendor", STREAMS)
@settings(
    max_examples=full(8, 500),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.large_base_example,
        HealthCheck.data_too_large,
    ],
)
@given(given_replies=st.lists(replies(), min_size=1, max_size=4))
def test_a_read_ends_with_one_line_whatever_is_answered(
    vendor: str, given_replies: list[Reply], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    left = list(given_replies)
    url = ""

    def script(request: Request) -> Reply:
        return logs_in(vendor, request, url) or (
            left.pop(0) if len(left) > 1 else Reply(404) if not left else left[0]
        )

    with running_stub(script) as stub, caplog.at_level(logging.WARNING):
        url = stub.url
        run = run_tap(block(vendor, url), *STREAMS[vendor])
    assert run.code in {0, 1}
    assert (run.code == 1) == bool(run.error)
    assert len(run.error.splitlines()) <= 1
    told = [record for record in caplog.records if record.exc_info]
    assert not told, told[0].getMessage()
    assert "hunter2" not in caplog.text + run.error
    sent = [part for reply in given_replies for part in objects_in(reply)]
    xml = any(b"<" in reply.raw[:5] for reply in given_replies)
    for message in run.messages:
        if message["type"] == "RECORD":
            assert xml or any(is_of(message["stream"], message["record"], part) for part in sent), (
                message
            )


GOOD: dict[str, tuple[t.Any, str]] = {
    "aims360": (
        [{"orderID": "00000000-0000-0000-0000-000000000001", "order": "1"}, 5],
        "aims360_orders",
    ),
    "cimcloud": ([{"id": 1, "name": "a"}, None, {"id": 2, "name": "b"}], "cimcloud_accounts"),
    "aim": (
        {"Customers": [{"CustomerPk": 1, "Acct": 1}, "x"], "Status": {"StatusCode": "Ok"}},
        "aim_customers",
    ),
    "pentamic": ([{"id": 1, "name": "a"}, 7], "pentamic_customers"),
}


@pytest.mark.parametrize("vendor", GOOD)
def test_an_element_that_is_no_object_is_its_own_fault(vendor: str) -> None:
    body, stream = GOOD[vendor]
    rows = body if isinstance(body, list) else body["Customers"]

    def script(request: Request) -> Reply:
        if reply := logs_in(vendor, request, url):
            return reply
        return Reply(body=body)

    with running_stub(script) as stub:
        url = stub.url
        run = run_tap(block(vendor, url), stream)
    assert run.code == 1
    assert "could not be read" in run.error
    good = [row for row in rows if isinstance(row, dict)]
    assert [r.items() >= g.items() for r, g in zip(run.records(stream), good, strict=True)] == [
        True
    ] * len(good)


@pytest.mark.parametrize("vendor", STREAMS)
def test_an_answer_without_content_is_an_empty_list(vendor: str) -> None:
    with running_stub(lambda request: logs_in(vendor, request, url) or Reply(204)) as stub:
        url = stub.url
        run = run_tap(block(vendor, url), *STREAMS[vendor])
    assert (run.code, run.error) == (0, "")
    assert not [message for message in run.messages if message["type"] == "RECORD"]


@pytest.mark.parametrize("good", [True, False])
def test_the_test_of_the_credentials_asks_every_vendor(
    tmp_path: pathlib.Path, *, good: bool
) -> None:
    def script(request: Request) -> Reply:
        if not good and ("Employee" in request.path or "backgroundjob" in request.path):
            return Reply(401)
        return (
            logs_in("pentamic", request, url) or logs_in("aim", request, url) or Reply(body=b"[]")
        )

    with running_stub(script) as stub:
        url = stub.url
        config = {name: values for vendor in STREAMS for name, values in block(vendor, url).items()}
        program = "import tap_erp.tap; tap_erp.tap.main()"
        code, out, err = run_command(
            *("--config", written(tmp_path, "config", config), "--test"),
            program=program,
            PYTHONDEVMODE="1",
            PYTHONWARNINGS="default",
        )
    assert (code, out) == (0 if good else 1, "")
    assert "ResourceWarning" not in err
    assert "Traceback" not in err
    assert err.count("credentials accepted") == (5 if good else 3)
    if not good:
        assert "2 of 5 vendors: aims360: GET" in err
        assert "'aimsio' were refused" in err

"""Where the output of an export is fetched, and who gets the token (aims360.md 10.5)."""

from __future__ import annotations

import contextlib
import typing as t
import urllib.parse

import pytest

from erp_vendors.aims360 import publish_link
from erp_vendors.aims360.aqua import Export
from erp_vendors.errors import CallError, CredentialsError, DataError
from erp_vendors.http.redact import redact
from tests.erp_vendors.aims360.fake import JOBS, ROWS, TOKEN, Fake, Reader
from tests.support.stub import Reply, Request, running_stub


@contextlib.contextmanager
def elsewhere(fake: Fake, answer: Reply | None = None) -> t.Iterator[list[Request]]:
    seen: list[Request] = []

    def script(request: Request) -> Reply:
        seen.append(request)
        return answer or Reply(body={"data": ROWS})

    with running_stub(script) as stub:
        fake.link = stub.url + "/files/{job}?signature=a-signature-of-some-length"
        yield seen


def test_another_host_never_gets_the_token(reader: Reader, fake: Fake) -> None:
    with elsewhere(fake) as seen:
        assert reader.read() == ROWS
    (request,) = seen
    assert "Authorization" not in request.headers
    assert TOKEN not in str(request)
    assert request.path.endswith("?signature=a-signature-of-some-length")
    assert redact("a-signature-of-some-length") == "*****", "whoever has the link has the data"


def test_another_host_that_wants_credentials_is_explained(reader: Reader, fake: Fake) -> None:
    with (
        elsewhere(fake, Reply(401)) as seen,
        pytest.raises(DataError, match=r"127\.0\.0\.1.*aqua_publish_scope"),
    ):
        reader.read()
    assert len(seen) == 1
    assert reader.client.transport.call("GET", f"{JOBS}?$filter=jobId%20eq%20'x'").status == 200


@pytest.mark.usefixtures("short_pauses")
def test_another_host_that_is_down_does_not_end_the_account(reader: Reader, fake: Fake) -> None:
    with elsewhere(fake):
        pass
    with pytest.raises(CallError, match="cannot reach"):
        reader.read()
    fake.link = "{url}/an-anonymous-access-token/{job}"
    assert reader.read() == ROWS


@pytest.mark.parametrize(
    "link",
    [
        "https://apieast1.aims360.rest/files/{job}/an-anonymous-access-token",
        "https://api.aims360.rest/files/{job}/an-anonymous-access-token",
        "/files/{job}/an-anonymous-access-token",
        " {url}/files/{job}/an-anonymous-access-token ",
    ],
)
def test_the_vendors_own_hosts_are_asked_for_at_the_api_address(
    reader: Reader, fake: Fake, link: str
) -> None:
    fake.link = link.strip() if link[0] != " " else link
    real = fake.complete

    def complete(job: dict[str, t.Any]) -> None:
        real(job)
        path = urllib.parse.urlsplit(job["publishLink"].strip()).path
        fake.outputs[path] = Reply(body={"data": ROWS})

    fake.complete = complete  # type: ignore[method-assign]
    assert reader.read() == ROWS
    assert fake.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "link",
    ["https://aims360.rest.evil.example/x", "https://evilaims360.rest/x", "ftp://files/x", "x:y"],
)
def test_a_look_alike_is_another_host(
    reader: Reader, fake: Fake, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.link = link
    built: list[str] = []

    def no_connection(*_: object, base_url: str, auth: object = None, **__: object) -> t.NoReturn:
        assert auth is None
        built.append(base_url)
        raise CredentialsError

    monkeypatch.setattr(publish_link, "connect", no_connection)
    with pytest.raises((CredentialsError, DataError)):
        reader.read()
    assert built == ([link.removesuffix("/x")] if link.startswith("https") else [])


def test_small_results_stand_in_the_job_itself(reader: Reader, fake: Fake) -> None:
    fake.output = lambda _: Reply(body={"data": ROWS}, headers={"X-Inline": "yes"})
    assert reader.read() == ROWS
    assert not any("aimsdocument" in request.path for request in fake.requests)


def test_the_link_may_stand_in_the_response(reader: Reader, fake: Fake) -> None:
    real = fake.complete

    def complete(job: dict[str, t.Any]) -> None:
        real(job)
        job["response"] = f'[{{"DownloadLink": "{job.pop("publishLink")}"}}]'

    fake.complete = complete  # type: ignore[method-assign]
    assert reader.read() == ROWS


def test_a_completed_job_without_output_is_an_error(reader: Reader, fake: Fake) -> None:
    fake.complete = lambda job: job.update(completedDate="x")  # type: ignore[method-assign]
    with pytest.raises(DataError, match="publishLink"):
        reader.read()


def test_a_web_page_is_no_export(reader: Reader, fake: Fake) -> None:
    page = Reply(body=b"<html>", headers={"Content-Type": "text/html; charset=utf-8"})
    fake.output = lambda _: page
    with pytest.raises(DataError, match="web page"):
        reader.read()


@pytest.mark.parametrize("told", ["text/csv; charset=utf-8", "application/octet-stream"])
def test_csv_is_asked_for_and_read(fake: Fake, told: str) -> None:
    reader = Reader(fake, Export(name="x", source="s", view="v", format="csv"))
    fake.output = lambda _: Reply(body=b"A,B\r\n1,2\r\n", headers={"Content-Type": told})
    assert reader.read() == [{"A": "1", "B": "2"}]
    assert fake.requests[0].json["outputFormat"] == "CSV"


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("; charset=utf-8", "utf-8"),
        ("; charset=utf-8", "utf-8-sig"),
        ("; charset=windows-1252", "cp1252"),
        ("; charset=windows-1252", "utf-8"),
        ('; charset="utf-16"', "utf-16"),
        ("", "utf-8"),
    ],
)
def test_an_export_is_read_in_the_charset_that_it_declares(
    fake: Fake, form: str, charset: str, encoding: str
) -> None:
    reader = Reader(fake, Export(name="x", source="s", view="v", format=form))
    text = "ü\nß\n" if form == "csv" else '[{"ü": "ß"}]'
    said = {"Content-Type": f"text/{form}{charset}"}
    fake.output = lambda _: Reply(body=text.encode(encoding), headers=said)
    assert reader.read() == [{"ü": "ß"}]


@pytest.mark.parametrize("where", ["own", "other"])
def test_an_export_lies_on_the_disk_and_has_a_limit_of_its_own(fake: Fake, where: str) -> None:
    rows = [{"n": number, "text": "x" * 100} for number in range(5_000)]
    export = Export(name="x", source="s", view="v")
    small = Reader(fake, export, aqua_max_bytes=10_000)
    reader = Reader(fake, export, max_answer_bytes=10_000)
    fake.output = lambda _: Reply(body={"data": rows})
    with elsewhere(fake, Reply(body={"data": rows})):
        if where == "own":
            fake.link = f"{fake.url}/an-anonymous-access-token/{{job}}"
        assert reader.read() == rows
        with pytest.raises(CallError, match=r"10,000 bytes .* aims360\.aqua_max_bytes"):
            small.read()

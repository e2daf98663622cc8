"""What AIM answers: its envelope, errors inside HTTP 200, ServiceStack's errors (aim.md 3, 5)."""

from __future__ import annotations

import enum
import re
import typing as t

from erp_vendors.aim.xmltext import from_xml
from erp_vendors.elements import records_of
from erp_vendors.errors import (
    CallError,
    CredentialsError,
    DataError,
    MissingResourceError,
    NotPermittedError,
    Phase,
)
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from erp_vendors.http.xmldoc import is_xml

if t.TYPE_CHECKING:
    from erp_vendors.schemas import Schema

Body = dict[str, t.Any]

_ENVELOPE = frozenset({"Status", "ResponseStatus"})
_COUNTS = ("StartOffset", "RecordCount", "RemainingRecords", "TotalRecords")
_NOT_FOUND = 404
_NO_SUCH_OPERATION = frozenset({404, 405, 501})

# The catalogue of error codes is not public (5.2), so errors are told apart by their words.
_NO_LICENCE = (
    r"licen[cs]|subscription|not (?:been )?(?:enabled|activated|purchased|subscribed)"
    r"|module.{0,60}(?:not|disabled|inactive|unavailable|required|missing)"
    r"|(?:not|no|requires?|without|missing|disabled|inactive).{0,60}module"
)
_NO_LOGIN = r"token|log[ -]?(?:in|on|ged)|session|authenti|unauthori|not authori|credential"
_DRIVER = re.compile(r"driver'?s?'?[ _-]?licen[cs]e|licen[cs]e ?info", re.IGNORECASE)
_CARD = re.compile(r"card ?token|token(?:pk|str)", re.IGNORECASE)
_ERROR_FIELD = re.compile(
    r"\b(?:ErrorCode|ErrorMessage|ErrorDisplayText|Message)"
    r'(?:"\s*:\s*"((?:[^"\\]|\\.)*)|>([^<]*))',
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"operation|service(?! ?ticket)|implement|support|end ?point|method|handler"
    r"|data ?base|server|resource|parameter|argument|column"
    r"|\b(?:route|path|ur[il]|host|page|file|table|field|member)\b",
    re.IGNORECASE,
)
"""Words of an error that speak of the operation or the server instead of a record."""
_ENVELOPE_TEXT = re.compile(r'(?:"|<)(?:Response)?Status(?:"\s*:\s*\{|[\s>])', re.IGNORECASE)
"""Recognises an envelope in the text of an answer, of which the end may be missing."""
_FAILURE = re.compile(r"error|fail|fault|exception|invalid|denied|refus|reject", re.IGNORECASE)
"""Words of a StatusCode that mean no success, whether or not they are a refusal."""
TELLING_BODY = re.compile(
    r"\b(?:ErrorCode|ErrorMessage|ErrorDisplayText|Message)"
    rf'(?:"\s*:\s*"[^"]*|>[^<]*)(?:{_NO_LICENCE}|{_NO_LOGIN})',
    re.IGNORECASE,
)
"""Recognises a server error whose text says that it is of no use to repeat the call."""


class Kind(enum.Enum):
    """What an error of the vendor is about."""

    LICENCE = "licence"
    """The shop has not licensed the module."""
    TOKEN = "token"  # noqa: S105 - a kind of error
    """The login has ended, or was refused."""
    UNKNOWN = "unknown"
    """There is no such record, or no such operation."""
    BUSY = "busy"
    """It may work a moment later."""
    OTHER = "other"
    """Anything else."""


_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.LICENCE, re.compile(_NO_LICENCE, re.IGNORECASE)),
    (Kind.TOKEN, re.compile(_NO_LOGIN, re.IGNORECASE)),
    (
        Kind.UNKNOWN,
        re.compile(
            r"not ?found|(?:n't|not|unable to) (?:be )?find|(?:n't|not) (?:be )?found"
            r"|\b(?:no|nothing) (?:\w+ ){0,4}found|\bno match"
            r"|(?:n't|not) exist|no such|unknown|not ?implemented|not supported",
            re.IGNORECASE,
        ),
    ),
    (
        Kind.BUSY,
        re.compile(
            r"timed? ?-?out|deadlock|try again|temporar|too many|busy|unavailable|overload",
            re.IGNORECASE,
        ),
    ),
)


class OperationError(CallError):
    """The vendor answered 200 and says in the envelope that it did not do it.

    Attributes:
        code: The vendor's ErrorCode, or empty.
        said: The vendor's message.
    """

    def __init__(self, where: str, code: str, said: str, *, body: str, status: int) -> None:
        text = ": ".join(part for part in (code, said) if part) or "an error without a message"
        super().__init__(
            redact.cut(f"{where}: the server refuses it: {text}", 600),
            phase=Phase.ANSWERED,
            status=status,
            body=body,
        )
        self.code = code
        self.said = said


class NotLicensedError(MissingResourceError, NotPermittedError):
    """The shop has not licensed the active-e module of an operation (aim.md 2)."""


class UnknownRecordError(DataError):
    """The vendor does not know the record that it was asked for.

    Attributes:
        certain: The vendor's words are about a record. Otherwise it may be the operation, or the
            address, that it does not know.
    """

    def __init__(self, message: str, *, certain: bool = False) -> None:
        super().__init__(message)
        self.certain = certain


def decode(body: bytes, schema: Schema | None = None) -> Body:
    """Read an answer in JSON or XML, whatever was asked for.

    Args:
        body: The raw body.
        schema: JSON schema of the answer, which gives XML its types.

    Returns:
        The answer's members; a bare array comes as the member "".

    Raises:
        ValueError: If it is neither.
    """
    answer = from_xml(body, schema or {}) if is_xml(body) else codec.decode(body)
    if isinstance(answer, list):
        if any(isinstance(row, dict) and isinstance(row.get("Status"), dict) for row in answer):
            msg = "the answer is a list of answers"
            raise ValueError(msg)
        return {"": answer}
    if not isinstance(answer, dict):
        msg = f"the answer is {codec.kind_of(answer)}, not an object"
        raise ValueError(msg)  # noqa: TRY004 - what was sent is at fault, not the caller
    return answer


def refusal(answer: Body) -> tuple[str, str] | None:
    """Find an error inside a successful answer (aim.md 5.2).

    Returns:
        Error code and message, either of which may be empty; None if there is no error.
    """
    members = _lower(answer)
    status = members.get("status")
    if isinstance(status, dict):
        said = _lower(status)
        word = _text(said.get("statuscode")).lower()
        code = _text(said.get("errorcode"))
        text = _text(said.get("errormessage")) or _text(said.get("errordisplaytext"))
        # Other words of success than Ok are not known, so a word alone is no failure (5.2, INF).
        if word == "error" or (word != "ok" and (code or text)):
            return code, text
    elif _text(status).lower() == "error":
        return _text(members.get("errorcode")), _text(members.get("errormessage"))
    return _stock_refusal(members.get("responsestatus"))


def is_success(answer: object) -> bool:
    """Whether an answer is the documented success: its Status says so and nothing denies it.

    Every answer has a Status of text members (3.2, DOC). A StatusCode that is not Error, without
    ErrorCode and ErrorMessage, is a success (5.2, OBS and INF). Anything else proves nothing.

    Args:
        answer: The answer as it was parsed.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("Status"), dict):
        return False
    status = answer["Status"]
    words = [value for name, value in status.items() if name.lower() == "statuscode"]
    if len(words) != 1 or not isinstance(words[0], str) or not words[0].strip():
        return False
    if _FAILURE.search(words[0]):
        return False
    beside = {name: value for name, value in answer.items() if name != "ErrorItems"}
    return (
        not any(_speaks_of_error(name, value) for name, value in (*status.items(), *beside.items()))
        and _stock_refusal(_lower(answer).get("responsestatus")) is None
        # A list of rows that failed, documented as such (5.2), is for the caller to look at.
        and answer.get("ErrorItems") in (None, "", [])
    )


def item_errors(answer: object) -> list[t.Any]:
    """The rows that the ErrorItems of a parsed answer name as failed (5.2)."""
    items = answer.get("ErrorItems") if isinstance(answer, dict) else None
    return items if isinstance(items, list) else []


def is_word_about_record(error: CallError) -> bool:
    """Whether a status of 404 or 405 comes in the vendor's own form, and is about a record.

    Args:
        error: What came of the call.
    """
    if not _ENVELOPE_TEXT.search(error.body):
        return False
    return kind_of(error) in {Kind.UNKNOWN, Kind.OTHER} and is_about_record(error)


def kind_of(error: CallError | CredentialsError) -> Kind:
    """Sort an error by what can be done about it.

    Args:
        error: What a call raised.
    """
    if isinstance(error, CallError):
        text = _words_of(error)
    else:
        # Only a 403 brings its text; a refused login is what 401 and 403 stand for (2, INF).
        return Kind.LICENCE if _search(Kind.LICENCE, str(error)) else Kind.TOKEN
    kind = next((kind for kind, _ in _KINDS if _search(kind, text)), Kind.OTHER)
    is_missing = error.status in _NO_SUCH_OPERATION and kind in {Kind.OTHER, Kind.BUSY}
    return Kind.UNKNOWN if is_missing else kind


def is_about_record(error: CallError) -> bool:
    """Whether an error that something is unknown means a record, and no operation.

    Args:
        error: An error of the kind UNKNOWN.
    """
    text = _words_of(error)
    return bool(text.strip()) and not _OPERATION.search(text)


def without_envelope(answer: Body) -> Body:
    """The record that an answer is, apart from the members of the envelope."""
    return {name: value for name, value in answer.items() if name not in _ENVELOPE}


def rows_of(answer: Body, list_name: str, keys: t.Sequence[str], where: str) -> list[Body]:
    """Take the records out of a list operation's answer.

    Args:
        answer: The answer's members.
        list_name: Member that holds them; empty if it is not known.
        keys: Properties that identify a record.
        where: The operation, for messages.

    Returns:
        The records, and in their places what is no record (`NoRecord`).

    Raises:
        DataError: If the answer holds no list of records.
    """
    rows = answer.get(list_name, answer.get(""))
    if rows is None:
        rows = _unnamed(answer, list_name, keys)
    if rows is None and "Status" not in answer and not any(name in answer for name in _COUNTS):
        # A null list is left out (3.1), but its envelope is not.
        msg = f"{where} answered without '{list_name or 'a list'}' and without Status"
        raise DataError(msg)
    return records_of([] if rows is None else rows, where)


def remaining_of(answer: Body) -> int | None:
    """Number of rows after those of this answer; None if it does not say (aim.md 4.1)."""
    return _count(answer.get("RemainingRecords"))


def is_cut(answer: Body, shown: int) -> bool:
    """Whether an answer says that there are more rows than it holds.

    Args:
        answer: The answer's members.
        shown: Rows that it holds.
    """
    total = _count(answer.get("TotalRecords"))
    return bool(remaining_of(answer)) or (total is not None and total > shown)


def envelope_schema(record: Schema, *, list_name: str = "", single: bool = False) -> Schema:
    """The schema of an answer, made from that of its records.

    Args:
        record: Schema of a record.
        list_name: Member that holds the records; empty if it is not known.
        single: The answer itself is the record.
    """
    text: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
    status = {name: text for name in _ENVELOPE}  # noqa: C420 - it is not to be changed
    if single:
        return {"type": "object", "properties": {**record["properties"], **status}}
    rows: Schema = {"type": "array", "items": record}
    properties: Schema = {**status, **{name: {"type": "integer"} for name in _COUNTS}}
    if list_name:
        properties[list_name] = rows
    # A list under an unknown name is taken to hold the same records.
    return {"type": "object", "properties": properties, "additionalProperties": rows}


def _count(value: object) -> int | None:
    if isinstance(value, str):
        try:
            value = codec.number_of(value.strip())
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _stock_refusal(stock: object) -> tuple[str, str] | None:
    """ServiceStack's own form of an error: code and message, either of which may be empty."""
    if not isinstance(stock, dict):
        return None
    said = _lower(stock)
    code, text = _text(said.get("errorcode")), _text(said.get("message"))
    return (code, text) if code or text or said.get("errors") else None


def _speaks_of_error(name: str, value: object) -> bool:
    """Whether a member beside the payload, or in Status, speaks of an error."""
    return name.lower().startswith("error") and bool(_text(value)) and value not in ([], {})


def _lower(members: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name.lower(): value for name, value in members.items()}


def _words_of(error: CallError) -> str:
    """Code and message, in the vendor's words."""
    if isinstance(error, OperationError):
        return f"{error.code} {error.said}"
    return " ".join(first or second for first, second in _ERROR_FIELD.findall(error.body))


def _unnamed(answer: Body, list_name: str, keys: t.Sequence[str]) -> object:
    """The records of an answer that lacks the list it is documented to have."""
    members = {
        name: value
        for name, value in answer.items()
        if name not in _ENVELOPE and name not in _COUNTS and value is not None
    }
    # The form for one record has its members at the top (CustomerOrderFulfillment, 8.1, INF).
    if keys and all(members.get(name) not in (None, "", []) for name in keys):
        return [members]
    for value in members.values():
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        if rows or value == []:
            known = all(name in row for row in rows for name in keys)
            if known or not list_name:
                return value
    return [members] if members and not list_name else None


def _search(kind: Kind, text: str) -> bool:
    text = (_DRIVER if kind is Kind.LICENCE else _CARD).sub("", text)
    return any(pattern.search(text) for other, pattern in _KINDS if other is kind)


def _text(value: object) -> str:
    text = "" if value is None else str(value).strip()
    return "" if text == "0" else text

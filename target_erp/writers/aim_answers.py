"""What AIM's answer to a write says: done, refused, or neither (aim.md 3.2, 5.2, 8.2)."""

from __future__ import annotations

import decimal
import typing as t

from erp_vendors.aim.answers import is_success, item_errors
from erp_vendors.http.redact import redact
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import AnswerShape, UnclearError
from target_erp.delivery.unclear_answer import speaks_of_trouble
from target_erp.writers.aim_customers import is_customer

if t.TYPE_CHECKING:
    from erp_vendors.aim.operations import Operation
    from erp_vendors.http import Answer
    from target_erp.delivery import Write
    from target_erp.delivery.answers import Answers
    from target_erp.delivery.model import Body


def is_documented(said: t.Any) -> bool:  # noqa: ANN401
    """Whether an answer is the documented success, and nothing in it speaks of trouble.

    Args:
        said: The parsed body.
    """
    if not is_success(said):
        return False
    images = said.get("Images")
    # What a payload holds is no word about the call; that it is there under such a name, is.
    beside = {
        name: bool(value) if isinstance(value, (dict, list)) else value
        for name, value in said.items()
        if name != "Status"
    }
    return (not images or isinstance(images, list)) and not speaks_of_trouble(beside, ())


def accepted(
    answers: Answers, answer: Answer, write: Write, operation: Operation, sent: Body
) -> Body:
    """Let an answer pass that is a success.

    Args:
        answers: What counts as one.
        answer: The answer, which is no refusal as a whole.
        write: What was sent.
        operation: What was called.
        sent: Members of the body that was sent.

    Returns:
        The answer's members; none if a setting lets an answer pass that is no object.

    Raises:
        RefusedError: If rows of it were refused, although the answer is a success (5.2).
        UnclearError: If nothing says that it is a success.
    """
    said = _members_of(answer)
    errors = [*item_errors(said), *_image_errors(said.get("Images"), sent)]
    if errors:
        shown = redact.cut(str(errors), 2000)
        msg = f"{operation.name} refuses {len(errors)} items: {shown[:300]}"
        raise RefusedError(msg, reason="error_items", status=200, answer=shown)
    if _stops(sent) and _has_rows(said):
        # What AIM answers when it stops on customers who are alike is not documented (6).
        shape = AnswerShape.of(answer, operation.method)
        raise UnclearError(write.stream, answer, shape, can_be_learned=False)
    try:
        answers.check(answer, [write], method=operation.method)
    except UnclearError as error:
        if any(name.lower() == "status" for name in error.shape.members or ()):
            # A shape does not show what stands in the envelope: it would cover refusals, too.
            error.can_be_learned = False
        raise
    return said


def told_account(said: Body, body: Body, member: str) -> str | None:
    """The account of a new customer, if an answer tells it; where is not known (8.2, UNK).

    A wrong one would change somebody else's record later: lists may hold customers who are alike,
    and an object may be about another account.

    Args:
        said: The answer's members.
        body: Members of AddCustomer.
        member: Name of the account's member.
    """
    if _stops(body):
        return None
    told = {said[member]} if is_scalar(said.get(member)) else set()
    for row in said.values():
        if isinstance(row, dict) and is_scalar(row.get(member)) and is_customer(body, row):
            told.add(row[member])
    numbers = {str(number) for number in told}
    if len(numbers) != 1:
        return None
    (number,) = numbers
    return number if number.isdecimal() and int(number) else None


def is_scalar(value: object) -> bool:
    """Whether a value is a text or a number, and not an empty one."""
    return (
        value != ""
        and isinstance(value, (str, int, decimal.Decimal))
        and not isinstance(value, bool)
    )


def _members_of(answer: Answer) -> Body:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _stops(body: Body) -> bool:
    """Whether AddCustomer is asked to stop on customers who are alike (6)."""
    return str(body.get("DuplicateCheckMode")).upper() == "CHECK"


def _has_rows(said: Body) -> bool:
    lists = (rows for rows in said.values() if isinstance(rows, list))
    return any(isinstance(row, dict) for rows in lists for row in rows)


def _image_errors(images: object, sent: Body) -> list[t.Any]:
    """Images that were refused; one of old may have an error of its own (5.2)."""
    rows = [row for row in images if isinstance(row, dict)] if isinstance(images, list) else []
    gone = sent.get("UriImagePksToDelete")
    ours = {"None", *map(str, gone if isinstance(gone, list) else ())}
    return [row for row in rows if row.get("ErrorMessage") and str(row.get("UriPk")) in ours]

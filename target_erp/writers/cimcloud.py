"""CIMcloud: batches with one aggregate answer (cimcloud.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.cimcloud.resources import MODIFIED
from erp_vendors.cimcloud.settings import SYNCHRONOUS_RECORDS
from erp_vendors.errors import MissingResourceError
from erp_vendors.http import codec
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers
from target_erp.delivery.documented import Documented
from target_erp.delivery.model import Finding, LookUpResult
from target_erp.delivery.policy import ALL_ABILITIES
from target_erp.delivery.writer import Statement
from target_erp.writers.answer_check import by_schema, either, row_of
from target_erp.writers.cimcloud_answers import (
    counts_of,
    is_documented,
    parse,
    raise_refusal,
    refused,
    says_yes,
)
from target_erp.writers.cimcloud_many import CimcloudManyRows
from target_erp.writers.cimcloud_rows import CimcloudRows
from target_erp.writers.keys import Keys, columns_of, no_key, references_of
from target_erp.writers.write_validator import WriteValidator, without_nulls

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.cimcloud import CimcloudClient, CimcloudResource
    from erp_vendors.errors import CallError
    from target_erp.writers.keys import Key

    Body = dict[str, t.Any]

logger = logging.getLogger("target-erp.cimcloud")

SYSTEM_COLUMNS = frozenset({"create_date", "last_modify_date"})
"""Kept by the site; an old stamp sent back would hide the change from the next reader."""
SECRET_COLUMNS = frozenset({"pw"})
"""Never shown (8.2)."""


class CimcloudWriter(Writer):
    """Writes one Standard resource.

    A POST is an upsert on a column that is the table's primary or user key (6.1): one that the
    table names, or `primary_keys` in the settings, which come first. A column that only the SCHEMA
    message names may be none, and then a second POST would make a second row: such rows go out one
    a call, once the site has them only with PUT, which never creates, and after a lost answer they
    are looked up.
    """

    vendor = "cimcloud"
    secrets = SECRET_COLUMNS
    # A row of a table shows all of its columns; only those that are sent change (6.1, INF).
    shows_all = True
    stamp = MODIFIED
    answers: Answers

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"cimcloud_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        natural = resource.natural_keys
        self.upsert = bool(natural) or not set(resource.primary_keys) <= set(natural)
        given = () if self.upsert else keys
        # The primary key outranks the user key (6.1).
        self._keys = Keys(resource.primary_keys, *((name,) for name in natural), given)
        self.keys = self._keys.single
        self.can_look_up = bool(resource.path) and bool(self._keys)
        self.abilities = ALL_ABILITIES if self.can_look_up else frozenset()
        self.needed_to_create = natural if self.upsert else ()
        self.batch_size = client.block.get("batch_size") if self.upsert else 1
        self.after = tuple(f"cimcloud_{name}" for name in resource.after)
        self._delete_path = how = client.delete_path
        self.deletable = how is not None and any(map(how.takes, self._keys.sizes))
        self._only_updates = client.block.get("write_method") == "PUT"
        self._rows = CimcloudRows(client, resource, self._keys, unique=self.upsert)
        self._many = CimcloudManyRows(client, resource, self._rows, client.block)
        self.answers = Answers(
            self.stream,
            documented=either(is_documented, by_schema(resource.answer_schema)),
            given=resource.success,
        )
        self.statement = self._statement()
        self._send_nulls = client.block.get("null_values") == "send"
        self.documented = Documented.of(
            self.vendor,
            resource,
            keys=Keys(resource.primary_keys, *((name,) for name in natural)).alternatives,
            names=[resource.surrogate] if resource.surrogate else (),
            scalars=not resource.special,
            left_out=SYSTEM_COLUMNS,
        )
        # The types of the columns are assumed, and flags come as text (8).
        self._validator = WriteValidator.of(
            self.vendor, resource, secrets=self.secrets, scalars=not resource.special
        )
        if self.can_look_up and not self.upsert:
            logger.info(
                "%s: whether %s is a key of the site's table is not known, so rows go out one a "
                "call; if it is, name it in cimcloud.resources as primary_keys",
                self.stream,
                self._keys,
            )
        if self.batch_size > SYNCHRONOUS_RECORDS:
            logger.warning(
                "%s: batches of more than %d are queued by the vendor, which does not say what "
                "becomes of them (cimcloud.batch_size)",
                self.stream,
                SYNCHRONOUS_RECORDS,
            )

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first."""
        return self._matched(record, self._keys.of(record))

    def prepare(self, record: Body) -> Prepared:
        """Check that a row is flat and what the table takes; see `Writer.prepare`."""
        nested = [name for name, value in record.items() if isinstance(value, (dict, list))]
        if nested:
            msg = (
                f"{', '.join(nested)}: nested values are not taken; lines are a stream of their own"
            )
            raise RefusedError(msg, reason="nested")
        key = self.identify(record)
        if self._keys and not key:
            raise no_key(self._keys)
        surrogate = self.resource.surrogate
        stays = len(key) > 1 and key[0][0] != surrogate
        left_out = SYSTEM_COLUMNS | ({surrogate} if stays else set())
        body = {
            name: value
            for name, value in record.items()
            if name not in left_out and (value is not None or self._send_nulls)
        }
        self._validator.check(body)
        return Prepared(key, body, references_of(self.vendor, self.resource, body))

    def is_idempotent(self, write: Write) -> bool:
        """A PUT changes nothing more the second time, whatever the key is."""
        return self.upsert or self._is_update(write)

    def send(self, writes: list[Write]) -> None:
        """POST or PUT a batch and check the aggregate answer; see `Writer.send`."""
        bodies = [write.body for write in writes]
        method = "PUT" if self._is_update(writes[0]) else "POST"
        repeatable = self.is_idempotent(writes[0])
        answer = self.client.write(self.resource, bodies, repeatable=repeatable, method=method)
        queued = len(bodies) > SYNCHRONOUS_RECORDS
        said = parse(answer)
        counts = None if queued else counts_of(said, len(bodies))
        raise_refusal(answer, said)
        if counts is not None and sum(counts) < len(bodies):
            why = f"the vendor took {sum(counts)} of {len(bodies)} records"
            if method == "PUT" and len(bodies) == 1:
                why += f"; {self._absence()}"
            raise refused(answer, why)
        # What one of these objects means, its values say, not its members.
        by_values = not queued and isinstance(said, dict) and "success" in said
        self.answers.check(answer, writes, method=method, learnable=not by_values)
        if queued:
            logger.info("%s: %d rows queued: %s", self.stream, len(bodies), answer.text[:300])
            return
        # An update may count in one of the two or in both (6.2, UNK).
        all_of_it = len(bodies)
        news = {(all_of_it, 0): True, (0, all_of_it): False, (all_of_it, all_of_it): False}
        for write in writes:
            write.created = None if counts is None else news.get(counts)
            if method == "PUT":
                write.created = False  # it never creates (6.1, DOC)
            if write.key and not self.upsert:
                # From now on it is known to be there, and only PUT is used for it.
                write.vendor_id = write.key[0][1]

    def is_refusal(self, error: CallError) -> bool:
        """Whether the answer is the vendor's object that says no; see `Writer.is_refusal`."""
        try:
            said = codec.decode(error.body.encode())
        except ValueError:
            return False
        return isinstance(said, dict) and said.get("success") is False

    def delete(self, write: Write) -> None:
        """Delete a row as `delete_path` says; see `Writer.delete`."""
        how = self._delete_path
        pairs = (pair for pair in write.key if how and how.takes(len(pair[0].split(","))))
        key = next(pairs, None)
        if how is None or key is None:
            raise no_key(self._keys)
        try:
            answer = self.client.delete(self.resource, how, columns_of(write.record, *key))
        except ValueError as error:
            raise RefusedError(str(error), reason="no_search") from None
        except MissingResourceError:
            # The row may be gone, or the address be wrong.
            if not self.can_look_up or not self._is_absent(write):
                raise
            return
        said = parse(answer)
        raise_refusal(answer, said)
        if not says_yes(said, write):
            self.answers.check(answer, [write], method="DELETE")

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        """The row's key, if the site has it; see `Writer.find`."""
        try:
            return self._rows.look(write)
        except ValueError as error:
            return LookUpResult.cannot_tell(str(error))

    def currents(
        self,
        writes: t.Sequence[Write],
        *,
        contents: bool,  # noqa: ARG002
    ) -> list[LookUpResult | RefusedError]:
        """See `Writer.currents`: several keys a search, right before the rows are sent."""
        return self._many.look(writes, self.policy.match_on)

    def is_empty(self) -> bool:
        """See `Writer.is_empty`."""
        return not self.client.page(self.resource)

    def anchor(self, row: Body) -> Body:
        """See `Writer.anchor`."""
        names = self.resource.natural_keys or self.resource.primary_keys
        known = ((name, row[name]) for name in names if row.get(name) not in (None, ""))
        return dict([pair]) if (pair := next(known, None)) else {}

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        if not self.can_look_up or not write.key:
            return None
        try:
            return row_of(self._rows.look(write))
        except ValueError as error:
            raise RefusedError(str(error), reason="no_search") from None

    def control(self) -> bool:
        """Whether a row of the list is found by its key; see `Writer.control`."""
        return self._rows.control()

    def _is_absent(self, write: Write) -> bool:
        look = self.find(write, fresh=True)
        return look.finding is Finding.ABSENT or (
            look.finding is Finding.NOT_SHOWN and self.control()
        )

    def _absence(self) -> str:
        """Why a PUT may have found no row, for people."""
        if self._only_updates:
            return "PUT only updates (cimcloud.write_method), and the site has no such row"
        return (
            f"it was written before, and PUT does not find it by {self._keys}: either it is gone, "
            "or that is no key of the site's table (name its key as primary_keys in "
            "cimcloud.resources)"
        )

    def _is_update(self, write: Write) -> bool:
        return (
            self._only_updates
            or self.updates_only
            or (not self.upsert and write.vendor_id is not None)
        )

    def _statement(self) -> Statement:
        proven = [name for name in self.keys if name in self.resource.documented_keys]
        success = (
            "`success` is true, and `importedRecords` and `updatedRecords` count what was sent "
            "(6.2, DOC)"
        )
        if self.batch_size > SYNCHRONOUS_RECORDS:
            success += "; of queued batches it is learned (6.3, UNK)"
        if self.resource.answer_schema is not None:
            success += "; or an object that fits the OpenAPI file's schema"
        if not self.can_look_up and self.resource.path:
            return Statement(
                success,
                "by a key of the SCHEMA message, or of `primary_keys`, with `searchexact` (4.2)",
                "as of other columns that no document names; without any key, nothing",
            )
        if not self.can_look_up:
            return Statement(success, "cannot be asked", "nothing")
        keys = " or ".join(f"`{name}`" for name in self.keys) or str(self._keys)
        absence = f"no row by {' or '.join(f'`{name}`' for name in proven)} (4.2, DOC)"
        if len(proven) < len(self._keys.alternatives):
            others = "no row, and a listed row is found by the same search (column: 7.4, INF)"
            absence = f"{absence}; by another key {others}" if proven else others
        return Statement(success, f"`searchexact` by {keys} (4.2, DOC)", absence)


class PassthroughWriter(CimcloudWriter):
    """Sends one nested order a call to a server function that is no upsert (11)."""

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, keys)
        self.upsert = False
        self.can_look_up = self.deletable = False
        self.abilities, self.inability = frozenset(), "an order that passes through is not shown"
        self.batch_size = 1
        self._keys = Keys(resource.primary_keys, ("order_number",))
        self.keys = self._keys.single
        self.documented = Documented.of(self.vendor, resource, keys=self._keys.alternatives)
        self.answers = Answers(
            self.stream, documented=by_schema(resource.answer_schema), given=resource.success
        )
        self.statement = Statement(
            "not known (11, UNK): the first order is parked, and the run ends with the setting "
            "that says what its answer means"
            if resource.answer_schema is None
            else "an object that fits the OpenAPI file's schema",
            "cannot be asked (11, DOC)",
            "nothing",
        )

    def prepare(self, record: Body) -> Prepared:
        """Take the order as it is; see `Writer.prepare`."""
        key = self.identify(record)
        if not key:
            raise no_key(self._keys)
        body = dict(record) if self._send_nulls else without_nulls(record)
        self._validator.check(body)
        return Prepared(key, body)

    def is_idempotent(self, write: Write) -> bool:  # noqa: ARG002
        """Say no: a second execution may make a second order."""
        return False

    def current(self, write: Write) -> Body | None:  # noqa: ARG002
        """Give nothing: an order that passes through cannot be read back (11)."""
        return None

    def send(self, writes: list[Write]) -> None:
        """POST the order; see `Writer.send`."""
        answer = self.client.write(self.resource, writes[0].body, repeatable=False)
        raise_refusal(answer, parse(answer))
        self.answers.check(answer, writes)


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of a CIMcloud resource.

    Args:
        plugin: The target, with a `cimcloud` block.
        name: Resource name.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such resource or it cannot be written.
    """
    client: CimcloudClient = plugin.client("cimcloud")
    resource = client.resources.get(name)
    if resource is None or resource.write_path is None:
        return None
    return (PassthroughWriter if resource.special else CimcloudWriter)(client, resource, keys)

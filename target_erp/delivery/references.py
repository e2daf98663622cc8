"""Parents and children: who must wait for whom, and who may go now."""

from __future__ import annotations

import collections
import threading
import typing as t

from target_erp.delivery.key_queue import tag
from target_erp.delivery.model import Outcome, RefusedError

if t.TYPE_CHECKING:
    from erp_ledger import Known, Ledger, LedgerRecord
    from target_erp.delivery.model import Reference, Write
    from target_erp.delivery.writer import Writer

_REMEMBERED = 10_000
_BETWEEN = "\n"


class Child(t.NamedTuple):
    """A record that was waiting.

    Attributes:
        account: Whose data it is.
        stream: Its sink.
        key: Its business key.
        record: The record as it came, as JSON text.
        run: Run that left it waiting.
        outcome: How that run counted it.
    """

    account: str
    stream: str
    key: str
    record: str
    run: str
    outcome: Outcome


class _Parents(t.NamedTuple):
    """What is known of parents, by `tag`.

    Attributes:
        there: The vendor's ids of those that are remembered to be there.
        known: What the ledger says of the others.
    """

    there: dict[str, str | None]
    known: dict[str, Known]


class References:
    """Finds a record's parents in the ledger, and a parent's waiting children."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._there: collections.OrderedDict[str, str | None] = collections.OrderedDict()
        self._missed: dict[str, set[tuple[str, str]]] = {}
        self._accounts: set[str] = set()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> bool:
        """Whether any child waits for a parent."""
        return bool(self._missed)

    def learn(self, writer: Writer) -> list[Child]:
        """Find out which children earlier runs left waiting.

        Args:
            writer: A sink of the account.

        Returns:
            Those that need not wait: their parent got through while another run noted them, or
            the run that wrote it was cut off.
        """
        account = writer.account
        with self._lock:
            if account in self._accounts:
                return []
            self._accounts.add(account)
        waiting = [
            (stream, entry, (entry.parent or "").split(_BETWEEN))
            for stream, entry in self._ledger.waiting(account)
        ]
        with self._lock:
            for stream, entry, parents in waiting:
                self._miss((stream, entry.key), parents)
        wanted: dict[str, dict[str, None]] = collections.defaultdict(dict)
        for _, _, parents in waiting:
            for stream, _, key in (text.partition("\t") for text in parents):
                wanted[stream][key] = None
        # One whose id nobody knows would let its children wait again.
        there = {text for text, line in self._known(account, wanted).items() if _has_id(line)}
        return [
            _child(account, stream, entry)
            for stream, entry, parents in waiting
            if entry.body and not there.isdisjoint(parents)
        ]

    def resolve(self, writer: Writer, writes: t.Sequence[Write]) -> dict[int, RefusedError]:
        """Fill parents' ids in, and say who cannot go because a parent is not there.

        Args:
            writer: How the records are written.
            writes: Records of one sink.

        Returns:
            Why a record has to wait, by its place in the list.
        """
        parents = self._look_up(writer.account, writes)
        found: dict[int, RefusedError] = {}
        for place, write in enumerate(writes):
            write.wants = ()
            for reference in write.parents:
                problem = self._connect(write, reference, parents)
                if problem is not None:
                    found[place] = problem
                    break
        return found

    def arrived(self, writer: Writer, write: Write) -> list[Child]:
        """The children that were waiting for a record, which the vendor has now.

        Args:
            writer: Its sink.
            write: The record.
        """
        tags = [tag(write.stream, name) for name in {*write.names, write.identity}]
        with self._lock:
            waiting = sorted({child for text in tags for child in self._missed.pop(text, ())})
        children = []
        for stream, key in waiting:
            entry = self._ledger.look(writer.account, stream, key)
            if entry is not None and entry.parent and entry.body:
                children.append(_child(writer.account, stream, entry))
        return children

    def waits(self, child: Child) -> bool:
        """Whether a child is still what the ledger has under its key, and waits.

        Args:
            child: The child. Who has no lease of its sink may be told what is over the next moment.
        """
        entry = self._ledger.look(child.account, child.stream, child.key)
        return entry is not None and bool(entry.parent) and entry.body == child.record

    def missed(self, write: Write) -> str:
        """Note that a record waits, and give the text that the ledger keeps as its parent.

        Args:
            write: The record; `wants` says for whom.
        """
        with self._lock:
            self._miss((write.stream, write.identity), write.wants)
        return _BETWEEN.join(write.wants)

    def _miss(self, child: tuple[str, str], parents: t.Iterable[str]) -> None:
        for parent in parents:
            self._missed.setdefault(parent, set()).add(child)

    def _connect(
        self, write: Write, reference: Reference, parents: _Parents
    ) -> RefusedError | None:
        tags = [tag(reference.stream, key) for key in reference.keys]
        for text in tags:
            if text in parents.there:
                return self._filled(write, reference, text, parents.there[text])
            line = parents.known.get(text)
            if line is None:
                continue
            if line.is_there:
                with self._lock:
                    self._there[text] = line.vendor_id
                    while len(self._there) > _REMEMBERED:
                        self._there.popitem(last=False)
                return self._filled(write, reference, text, line.vendor_id)
            write.wants = (text,)
            return RefusedError(
                f"it refers to {_shown(text)}, which is {line.status.value}; it is sent when that "
                "one gets through",
                reason="waiting",
            )
        write.wants = (*write.wants, *tags)
        if not reference.fill:
            return None  # the vendor may know it from elsewhere
        write.wants = tuple(tags)
        names = " or ".join(_shown(text) for text in tags) or reference.stream
        return RefusedError(
            f"it has no {reference.fill}, and the ledger does not know {names}; it is sent when "
            "that one gets through",
            reason="waiting",
        )

    def _filled(
        self, write: Write, reference: Reference, text: str, vendor_id: str | None
    ) -> RefusedError | None:
        if not reference.fill:
            return None
        if vendor_id is None:
            write.wants = (text,)
            return RefusedError(
                f"it needs the vendor's id of {_shown(text)} in {reference.fill}, and the vendor's "
                f"answer did not say it; send the record with its {reference.fill}",
                reason="waiting",
            )
        write.fill(reference.fill, vendor_id)
        return None

    def _look_up(self, account: str, writes: t.Iterable[Write]) -> _Parents:
        """What is known of the parents of some records, remembered or looked up."""
        wanted: dict[str, dict[str, None]] = collections.defaultdict(dict)
        parents = _Parents({}, {})
        for write in writes:
            for reference in write.parents:
                for key in reference.keys:
                    text = tag(reference.stream, key)
                    # Read once: another thread may drop the entry to make room for others.
                    remembered = self._there.get(text, parents)
                    if remembered is parents:
                        wanted[reference.stream][key] = None
                    else:
                        parents.there[text] = t.cast("str | None", remembered)
        parents.known.update(self._known(account, wanted))
        return parents

    def _known(self, account: str, wanted: t.Mapping[str, t.Collection[str]]) -> dict[str, Known]:
        """What the ledger says of records by `tag`, whose keys are given by sink."""
        found: dict[str, Known] = {}
        for stream, keys in wanted.items():
            known = self._ledger.look_many(account, stream, keys)
            aliased = self._ledger.aliased(account, stream, [k for k in keys if k not in known])
            lines = self._ledger.look_many(account, stream, set(aliased.values()))
            known |= {key: lines[line] for key, line in aliased.items() if line in lines}
            found.update({tag(stream, key): line for key, line in known.items()})
        return found


def _has_id(line: Known) -> bool:
    return line.is_there and line.vendor_id is not None


def _child(account: str, stream: str, entry: LedgerRecord) -> Child:
    outcome = Outcome(entry.status.value)
    return Child(account, stream, entry.key, entry.body or "", entry.run, outcome)


def _shown(text: str) -> str:
    stream, _, key = text.partition("\t")
    return f"{key} of {stream}"

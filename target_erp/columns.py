"""Columns of the input: under which names and in which types they go to a sink.

It stands between the sink and its writer, for all vendors alike. What the documents know of the
sink's records (`Documented`) decides; a record that has been taken once is taken again unchanged.
"""

from __future__ import annotations

import typing as t

from target_erp.column_places import Place, SinkFacts, Taking
from target_erp.delivery import RefusedError
from target_erp.delivery.documented import Documented

if t.TYPE_CHECKING:
    from target_erp.column_settings import ColumnSettings
    from target_erp.delivery.model import Key

    Record = dict[str, t.Any]

_SHOWN_PROBLEMS = 3
_BLANK_ENDS = (
    "{}: the key has blanks at its ends, with which it would be another record; take them away at "
    "the source, or by a stream map of this column: self.strip()"
)


class Taken(t.NamedTuple):
    """A record as its sink takes it.

    Attributes:
        record: The record; what is wrong in it has stayed as it came.
        problems: What is wrong, by property.
        misnamed: At least one column could not be given a name.
    """

    record: Record
    problems: t.Mapping[str, str]
    misnamed: bool = False

    @property
    def refusal(self) -> RefusedError | None:
        """Why the record cannot be written; None if nothing is wrong."""
        if not self.problems:
            return None
        found = list(dict.fromkeys(self.problems.values()))
        more = len(found) - _SHOWN_PROBLEMS
        text = "; ".join(found[:_SHOWN_PROBLEMS]) + (f"; and {more} more" * (more > 0))
        return RefusedError(text, reason="columns")

    def hides_key(self, identify: t.Callable[[Record], Key]) -> bool:
        """Whether nobody can tell which record it is, because of what is wrong in it.

        Args:
            identify: The keys of a record.
        """
        sound = {name: value for name, value in self.record.items() if name not in self.problems}
        return bool(self.problems) and (
            self.misnamed or not sound or identify(sound) != identify(self.record)
        )


class Columns:
    """The columns of one sink."""

    def __init__(
        self,
        stream: str,
        documented: Documented | None,
        settings: ColumnSettings,
        *,
        secrets: frozenset[str] = frozenset(),
        said: set[str] | None = None,
    ) -> None:
        """Read what documents know.

        Args:
            stream: The sink.
            documented: What they know; None for nothing, and then every name is known.
            settings: What the settings say.
            secrets: Properties whose values are never shown.
            said: What was said of this sink already; None if nothing is to be said.
        """
        documented = documented or Documented()
        self._facts = SinkFacts(stream, settings, secrets, documented.scalars, said)
        typed = [one for one in (documented.schema, documented.given) if one]
        names = {*documented.names, *(name.partition(".")[0] for name in documented.aliases)}
        self._keys: tuple[str, ...] = ()
        self._facts.unwritten = documented.left_out
        self._place = Place(self._facts, typed, documented.read, names, documented.aliases)

    @property
    def loose(self) -> bool:
        """Whether columns count in other spellings, too."""
        return self._facts.settings.match == "loose"

    def keep(self, names: t.Iterable[str], keys: t.Iterable[str] = ()) -> None:
        """Let properties stay that identify a record, whether or not a document knows them.

        Args:
            names: The properties. Say it before any record is taken.
            keys: Properties that may identify one. With blanks at its ends, such a value would
                make another record beside the one that is meant.
        """
        self._facts.kept = frozenset(names)
        self._keys = tuple(dict.fromkeys((*self._facts.kept, *keys)))

    def named(self, columns: t.Iterable[str]) -> tuple[str, ...]:
        """The properties that columns are; those of which nobody can tell stay as they are.

        Args:
            columns: Names of columns that stand in one record.
        """
        columns = tuple(columns)
        names = self._place.plan(columns).names
        return tuple(names[column] or column for column in columns)

    def announce(self, columns: t.Iterable[str]) -> None:
        """Say once which columns of a stream go to properties of another name.

        Args:
            columns: Names of columns.
        """
        self._facts.tell_renamed("", self._place.plan(tuple(columns)))

    def take(self, record: Record) -> Taken:
        """A record under the names and in the types that the sink takes.

        Args:
            record: The record as it came, or as it was taken before; it is not changed.
        """
        taken = Taking()
        own = self._place.take(record, "", taken)
        for name in self._keys:
            value = own.get(name)
            if isinstance(value, str) and value != value.strip():
                taken.problems.setdefault(name, _BLANK_ENDS.format(name))
        return Taken(own, taken.problems, taken.misnamed)

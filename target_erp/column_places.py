"""Places of documents that hold columns: a record, and the objects inside of it."""

from __future__ import annotations

import difflib
import logging
import typing as t

from erp_vendors.masking import names_a_secret
from target_erp.coercion import converted, why_not
from target_erp.delivery.documented import is_assumed, is_epoch, kinds_of
from target_erp.marks import MARK, likeness, misspelt, misspelt_tombstones, says_deleted
from target_erp.printable import cut

if t.TYPE_CHECKING:
    from target_erp.column_settings import ColumnSettings

    Record = dict[str, t.Any]
    Schema = t.Mapping[str, t.Any]

logger = logging.getLogger("target-erp")

_PLANS = 1_000
"""Sets of names of one place that are remembered."""
_SHOWN = 60
_SHOWN_NAMES = 300
_SCALARS = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}
_LEFT_OUT = object()


class Taking:
    """What was found wrong in one record.

    Attributes:
        problems: In words, by the place of a property.
        misnamed: At least one column could not be given a name.
    """

    def __init__(self) -> None:
        """Nothing was found yet."""
        self.problems: dict[str, str] = {}
        self.misnamed = False


class ColumnPlan(t.NamedTuple):
    """What becomes of some columns that stand together.

    Attributes:
        names: The property of each column; None if it is left out.
        problems: What is wrong with a column, by its name; it stays where it is.
        unknown: Columns that no document knows.
        refused: Those of them that are refused.
        tombstones: Columns that would be the mark of a deletion, were they spelled as it is.
        same: Such a record is taken as it is.
    """

    names: t.Mapping[str, str | None]
    problems: t.Mapping[str, str]
    unknown: tuple[str, ...]
    refused: frozenset[str]
    tombstones: frozenset[str]
    same: bool


class SinkFacts:
    """What holds for all places of one sink, and what was said of them.

    Attributes:
        settings: What the settings say.
        secrets: Properties whose values are never shown.
        scalars: The types of scalars are assumed.
        kept: Properties that stay although no document knows them.
        unwritten: Properties that are known and never sent.
    """

    def __init__(
        self,
        stream: str,
        settings: ColumnSettings,
        secrets: frozenset[str],
        scalars: bool,  # noqa: FBT001
        said: set[str] | None,
    ) -> None:
        """Note what holds.

        Args:
            stream: The sink.
            settings: See the class.
            secrets: See the class.
            scalars: See the class.
            said: What was said already; None if nothing is to be said.
        """
        self._stream, self._said = stream, said
        self.settings, self.secrets, self.scalars = settings, secrets, scalars
        self.kept: frozenset[str] = frozenset()
        self.unwritten: frozenset[str] = frozenset()

    def tell_renamed(self, path: str, plan: ColumnPlan) -> None:
        """Say which columns go to properties of another name, each of them once.

        Args:
            path: Where they stand.
            plan: What becomes of them.
        """
        pairs = ((old, new) for old, new in plan.names.items() if new not in (None, old))
        news = [f"{path}{old} is {new}" for old, new in pairs]
        news = [text for text in news if self._is_new(text)]
        if news:
            logger.info("%s: columns by match_properties: %s", self._stream, ", ".join(news))

    def tell_unknown(self, path: str, name: str, nearest: str) -> None:
        """Warn of a property that no document knows, once.

        Args:
            path: Where it stands.
            name: Its name.
            nearest: The known name that is most like it; empty if none is.
        """
        if self._is_new(f"{path}{name}"):
            logger.warning(
                "%s: no document knows the property '%s', which is %s%s",
                self._stream,
                f"{path}{cut(name, _SHOWN)}",
                "left out" if self.settings.unknown == "drop" else "sent as it is",
                f"; did you mean '{nearest}'?" if nearest else "",
            )

    def tell_undescribed(self, path: str, names: t.Sequence[str]) -> None:
        """Warn once of all properties together where no document states a single one.

        Args:
            path: Where they stand.
            names: Their names.
        """
        news = [name for name in names if self._is_new(f"{path}{name}")]
        if news:
            logger.warning(
                "%s: no document says which properties there are; %s by the input's own names: %s "
                "(the `schema` of an entry of `resources` may say which are right)",
                self._stream,
                "left out" if self.settings.unknown == "drop" else "sent",
                cut(", ".join(f"{path}{name}" for name in news), _SHOWN_NAMES),
            )

    def _is_new(self, text: str) -> bool:
        if self._said is None or text in self._said:
            return False
        self._said.add(text)
        return True


class Place:
    """An object that documents describe: a record, or one inside of it."""

    def __init__(
        self,
        facts: SinkFacts,
        typed: t.Sequence[Schema],
        read: t.Sequence[Schema],
        names: t.Iterable[str] = (),
        aliases: t.Mapping[str, str] | None = None,
    ) -> None:
        """Read what documents say of it.

        Args:
            facts: What holds for the whole sink.
            typed: Schemas that say which types are written, the most important one first.
            read: Schemas of which only the names count.
            names: Further names.
            aliases: What a property is called when it is read, and when it is written.
        """
        self._facts, self._settings = facts, facts.settings
        self._aliases = aliases or {}
        self._types: dict[str, Schema] = {}
        for schema in typed:
            for name, part in schema.get("properties", {}).items():
                self._types.setdefault(name, part if isinstance(part, dict) else {})
        for name, written_as in self._aliases.items():
            self._types.setdefault(name, _type_at(typed, written_as))
        written = dict.fromkeys((*self._types, *names))
        shown = dict.fromkeys(name for schema in read for name in schema.get("properties", {}))
        self._known = {**written, **shown}
        self._suggested = [name for name in written if name not in facts.unwritten]
        self._described = any(
            isinstance(part, dict) and not is_assumed(part)
            for schema in (*typed, *read)
            for part in schema.get("properties", {}).values()
        )
        self._free = not self._types and not shown
        self._alike = (_by_likeness(written), _by_likeness(shown))
        self._children = {name: self._child(name, typed, read) for name in self._known}
        self._plans: dict[tuple[str, ...], ColumnPlan] = {}

    def _child(
        self, name: str, typed: t.Sequence[Schema], read: t.Sequence[Schema]
    ) -> Place | None:
        """The objects that a property holds, alone or in a list; None if nothing is known."""
        inner = [[_objects_in(schema, name) for schema in schemas] for schemas in (typed, read)]
        typed, read = ([schema for schema in some if schema] for some in inner)
        if not typed and not read:
            return None
        return Place(self._facts, typed, read)

    def take(self, record: Record, path: str, taken: Taking) -> Record:
        """An object as the sink takes it; see `Columns.take`."""
        names = tuple(record)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._new_plan(names, path)
        if plan.same:
            return record
        own: Record = {}
        for column, value in record.items():
            name = plan.names[column]
            if column in plan.tombstones and says_deleted(value):
                # It stays, so that a replay of it is refused as well.
                taken.problems[column], name = misspelt(column), column
            if name is None:
                continue
            place = f"{path}{name}"
            if column in plan.problems:
                taken.problems[place] = f"{path}{plan.problems[column]}"
                taken.misnamed = taken.misnamed or column not in plan.refused
            kept = self._value(name, value, place, taken)
            if kept is not _LEFT_OUT:
                own[name] = kept
        return own

    def plan(self, names: tuple[str, ...]) -> ColumnPlan:
        """What becomes of columns that stand together; nothing is said of it."""
        found: dict[str, str] = {}
        problems: dict[str, str] = {}
        unknown = []
        tombstones = frozenset(misspelt_tombstones(names)) - self._known.keys()
        for column in names:
            if column in tombstones:
                continue
            candidates = self._candidates(column)
            if len(candidates) > 1:
                problems[column] = f"{column} may be {' or '.join(candidates)}"
            elif not candidates:
                unknown.append(column)
            else:
                found[column] = candidates[0]
        for columns in _together(found, self._aliases):
            for column in columns:
                said = f"{' and '.join(columns)} are one property ({found[column]})"
                problems[column] = f"{said}; leave out all but one"
        strangers = [name for name in unknown if name not in self._facts.kept]
        refused = frozenset(strangers if self._settings.unknown == "refuse" else ())
        for column in refused:
            problems[column] = f"{column}: no document knows this property" + self._hint(column)
        dropped = {*tombstones, *(strangers if self._settings.unknown == "drop" else ())}
        named = {column: name for column, name in found.items() if column not in problems}
        result = {
            column: None if column in dropped else named.get(column, column) for column in names
        }
        same = (
            not problems
            and self._settings.coerce == "none"
            and all(column == name for column, name in result.items())
            and not any(self._children.get(name) for name in names)
        )
        return ColumnPlan(result, problems, tuple(strangers), refused, tombstones, same)

    def _new_plan(self, names: tuple[str, ...], path: str) -> ColumnPlan:
        """A plan for records; what has to be said of it is said."""
        plan = self.plan(names)
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        self._plans[names] = plan
        self._facts.tell_renamed(path, plan)
        sent = [name for name in plan.unknown if name not in plan.refused]
        if not self._described:
            self._facts.tell_undescribed(path, sent)
            return plan
        for name in sent:
            self._facts.tell_unknown(path, name, self._nearest(name))
        return plan

    def _candidates(self, column: str) -> t.Sequence[str]:
        """The known properties that a column may be; itself where every name is known."""
        if column in self._known or self._free or column.startswith(MARK):
            return (column,)
        if self._settings.match == "exact":
            return ()
        return self._alike_to(column)

    def _alike_to(self, column: str) -> t.Sequence[str]:
        """Known properties whose letters and digits are the same; those that are written first."""
        like = likeness(column)
        return next((alike[like] for alike in self._alike if like in alike), ())

    def _nearest(self, column: str) -> str:
        alike = [name for name in self._alike_to(column) if name in self._suggested]
        near = alike or difflib.get_close_matches(column, self._suggested, n=1)
        return near[0] if near else ""

    def _hint(self, column: str) -> str:
        nearest = self._nearest(column)
        return (
            f" (unknown_properties: refuse); did you mean '{nearest}'?"
            if nearest
            else (" (unknown_properties: refuse)")
        )

    def _value(self, name: str, value: t.Any, place: str, taken: Taking) -> t.Any:  # noqa: ANN401
        """A value as the sink takes it; `_LEFT_OUT` if it is a blank cell."""
        child = self._children.get(name)
        if child is not None and isinstance(value, dict):
            return child.take(value, f"{place}.", taken)
        if isinstance(value, list):
            items = self._types.get(name, {}).get("items")
            said = items if isinstance(items, dict) else {}
            return [
                child.take(item, f"{place}.", taken)
                if child is not None and isinstance(item, dict)
                else self._scalar(item, said, place, taken)
                for item in value
            ]
        if self._settings.coerce == "none" or not isinstance(value, str):
            return value
        if not value.strip():
            return None if self._settings.blank_is_null else _LEFT_OUT
        return self._scalar(value, self._types.get(name, {}), place, taken)

    def _scalar(self, value: t.Any, schema: Schema, place: str, taken: Taking) -> t.Any:  # noqa: ANN401
        """A text in the type that its property has, if that is not text."""
        kinds = kinds_of(schema)
        wanted = [words for kind, words in _SCALARS.items() if kind in kinds]
        if self._settings.coerce == "none" or not isinstance(value, str):
            return value
        if "string" in kinds or not wanted:
            return value
        epoch = is_epoch(schema)
        found = converted(value, kinds, epoch=epoch)
        if found is not None:
            return found.value
        if not is_assumed(schema) and not self._facts.scalars:
            parts = place.split(".")
            hidden = not self._facts.secrets.isdisjoint(parts) or any(map(names_a_secret, parts))
            why = "" if hidden else why_not(value, epoch=epoch)
            taken.problems[place] = (
                f"{place}: {'it' if hidden else repr(cut(value, _SHOWN))} is text and not exactly "
                f"{' or '.join(wanted)}" + (f": {why}" if why else "")
            )
        return value


def _type_at(typed: t.Sequence[Schema], dotted: str) -> Schema:
    """The schema of a property that may stand inside of others."""
    for schema in typed:
        part: t.Any = schema
        for name in dotted.split("."):
            part = part.get("properties", {}).get(name) if isinstance(part, dict) else None
        if isinstance(part, dict):
            return t.cast("Schema", part)
    return {}


def _objects_in(schema: Schema, name: str) -> Schema | None:
    """The schema of the objects that a property holds, alone or in a list."""
    part = schema.get("properties", {}).get(name)
    if isinstance(part, dict) and isinstance(part.get("items"), dict):
        part = part["items"]
    return part if isinstance(part, dict) and part.get("properties") else None


def _together(found: t.Mapping[str, str], aliases: t.Mapping[str, str]) -> t.Iterator[list[str]]:
    """Columns that would become one property, though at least one of them is called otherwise."""
    groups: dict[str, list[str]] = {}
    for column, name in found.items():
        groups.setdefault(aliases.get(name, name), []).append(column)
    for columns in groups.values():
        if len(columns) > 1 and any(found[column] != column for column in columns):
            yield columns


def _by_likeness(names: t.Iterable[str]) -> dict[str, list[str]]:
    alike: dict[str, list[str]] = {}
    for name in names:
        if like := likeness(name):
            alike.setdefault(like, []).append(name)
    return alike

"""Pages of AIM's lists, as an examination reads them (aim.md 4.1)."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_cli.doctor.examiner import Examiner
from erp_vendors.aim import AimClient
from erp_vendors.aim.answers import remaining_of, rows_of
from erp_vendors.aim.members import complete, without_empty_dates
from erp_vendors.elements import NoRecord

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_cli.doctor.examiner import Row
    from erp_vendors.aim import AimResource
    from erp_vendors.aim.answers import Body
    from erp_vendors.aim.resources import Params


@dataclasses.dataclass(slots=True)
class SeenPage:
    """The first page of a list.

    Attributes:
        answer: The answer, as it came.
        rows: Its rows, completed as the tap does it.
        remaining: What it says of the rows that follow; None if nothing.
        members: Request members of the variant that it is of.
    """

    answer: Body
    rows: list[Row]
    remaining: int | None
    members: Params


class AimPages(Examiner[AimClient]):
    """Reads single pages, and keeps what was answered."""

    def __init__(self, client: AimClient, streams: t.Collection[str], *, deep: bool) -> None:
        super().__init__(client, streams, deep=deep)
        self.pages: dict[str, SeenPage] = {}
        """The first page of each list that could be read, by resource."""
        self.answers: list[Body] = []
        """All answers to samples, as they came."""

    @property
    def resources(self) -> Mapping[str, AimResource]:
        """The resources, the settings applied."""
        return self.client.resources

    def page(self, resource: AimResource, members: Params, **place: int) -> SeenPage:
        """One page of a list.

        Args:
            resource: The list.
            members: Request members, in addition to the resource's own.
            **place: `rows` and `start`, for a list that is paged.

        Raises:
            ErpError: If the call fails.
        """
        paging = resource.paging
        if paging:
            members = {
                **members,
                paging.from_row: str(place.get("start", 0)),
                paging.at_once: str(place.get("rows", paging.rows)),
            }
        answer = self.client.answer(resource, members)
        self.answers.append(answer)
        where = f"aim: {resource.path}"
        shown = t.cast("Body", without_empty_dates(answer))
        rows = rows_of(shown, resource.list_name, resource.primary_keys, where)
        for row in rows:
            complete(resource, row, members)
        whole = [row for row in rows if not isinstance(row, NoRecord)]
        return SeenPage(answer, whole, remaining_of(answer), members)

"""Examines the accounts of a configuration, one vendor after the other."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_cli.doctor import learning
from erp_cli.doctor.connection import DoctorStep, Level, clock_step, connection_steps
from erp_cli.doctor.examiner import Access, NoCallsLeftError, ResourceSample, examiner_of
from erp_cli.doctor.guard import CallGuard, Exchange
from erp_vendors.assumption import Assumption, Verdict, VerdictState
from erp_vendors.errors import (
    CallError,
    ConfigError,
    CredentialsError,
    DataError,
    ErpError,
    MissingResourceError,
    NotPermittedError,
)
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    from erp_cli.doctor.examiner import Examiner
    from tap_erp.tap import TapErp

Entry = t.Mapping[str, t.Any]


@dataclasses.dataclass(slots=True)
class Report:
    """What was found out about one vendor's account.

    Attributes:
        vendor: Name of its block.
        most_calls: Calls that could be made at most.
        steps: What was looked at, in this order.
        samples: The resources that were looked at, by name.
        findings: One or more for each assumption that reads may tell.
        learned: Entries of `resources` for what no document describes, by resource.
        notes: How each of them was come by, by resource.
        exchanges: The calls that were made.
        open_writes: Assumptions about writes, which no read can tell.
    """

    vendor: str
    most_calls: int
    steps: list[DoctorStep] = dataclasses.field(default_factory=list)
    samples: dict[str, ResourceSample] = dataclasses.field(default_factory=dict)
    findings: list[Verdict] = dataclasses.field(default_factory=list)
    learned: dict[str, Entry] = dataclasses.field(default_factory=dict)
    notes: dict[str, str] = dataclasses.field(default_factory=dict)
    exchanges: list[Exchange] = dataclasses.field(default_factory=list)
    open_writes: tuple[Assumption, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the vendor can be used: the way is free, the login works, something can be read.

        What was not looked at for want of calls is no failure.
        """
        return not any(step.level is Level.RED for step in self.steps)


class ExaminationPlan(t.NamedTuple):
    """What is going to be looked at.

    Attributes:
        vendor: Name of the vendor block.
        examiner: Examines it.
        most_calls: Calls that it makes at most, logins included.
    """

    vendor: str
    examiner: Examiner[t.Any]
    most_calls: int


def plan(
    tap: TapErp,
    vendor: str,
    streams: t.Collection[str],
    *,
    deep: bool,
    most: int | None,
) -> ExaminationPlan:
    """Say what an examination of one vendor would do; nothing is called.

    Args:
        tap: The tap with its configuration.
        vendor: Name of the vendor block.
        streams: Streams that were named; none for all that may be read without a change.
        deep: Look more closely.
        most: Number of calls at most; None for the vendor's own.

    Raises:
        ConfigError: If the configuration of the vendor is not complete, or the vendor has no such
            stream.
    """
    kind = examiner_of(vendor)
    if kind is None:
        msg = f"{vendor} has no examiner"
        raise ConfigError(msg)
    examiner = kind(
        t.cast("t.Any", tap.client(vendor)), _resources(kind, tap, vendor, streams), deep=deep
    )
    return ExaminationPlan(vendor, examiner, most or min(kind.most_calls, examiner.planned_calls()))


def examine(wanted: ExaminationPlan) -> Report:
    """Examine one vendor.

    Args:
        wanted: What is to be looked at.
    """
    examiner, client = wanted.examiner, wanted.examiner.client
    report = Report(wanted.vendor, wanted.most_calls)
    guard = CallGuard(examiner.logins, wanted.most_calls)
    client.transport.observer, client.transport.most_attempts = guard, _ATTEMPTS
    report.exchanges = guard.exchanges
    report.steps += connection_steps(wanted.vendor, client.transport.options)
    if report.usable:
        report.steps.append(_login(examiner, report))
        report.steps.append(clock_step(guard.clock_ahead))
    if report.usable:
        for sample in examiner.samples():
            report.samples[sample.resource.name] = sample
            if _only_refused(report.samples.values()):
                break
        report.steps.append(_reading(report.samples.values()))
        if report.steps[-1].level is Level.RED:
            # Nothing has proven the login.
            report.steps = [
                step._replace(level=Level.RED) if step.name == "login" and step.do else step
                for step in report.steps
            ]
            _try_other_logins(examiner, report)
    if report.usable:
        report.findings += _findings(examiner)
        for sample in report.samples.values():
            learning.learn(examiner, sample, report.learned, report.notes)
    client.transport.observer = None
    report.findings += _not_told(examiner, report)
    report.open_writes = tuple(one for one in examiner.assumptions if one.writes)
    return report


def _resources(
    kind: type[Examiner[t.Any]], tap: TapErp, vendor: str, streams: t.Collection[str]
) -> list[str]:
    """The resources behind the streams that were named, or all that can be read safely."""
    known = {
        stream.name.removeprefix(f"{vendor}_"): stream
        for stream in tap.erp_streams
        if stream.vendor == vendor
    }
    if not streams:
        return [name for name in known if name not in kind.only_if_named]
    wanted = [name.removeprefix(f"{vendor}_") for name in streams if name.startswith(f"{vendor}_")]
    for name in wanted:
        if name not in known:
            msg = f"there is no stream {vendor}_{name} (--streams); `erp streams` lists them"
            raise ConfigError(msg)
    return wanted


def _login(examiner: Examiner[t.Any], report: Report) -> DoctorStep:
    try:
        examiner.log_in()
    except NoCallsLeftError as error:
        last = next((one for one in reversed(report.exchanges) if one.status), None)
        said = f"{error}; the last answer was HTTP {last.status}" if last else str(error)
        return DoctorStep("login", Level.RED, said, "try again later, or with more --max-calls")
    except ErpError as error:
        return _not_logged_in(examiner, report, error)
    return DoctorStep("login", Level.GREEN, "the credentials work")


def _not_logged_in(examiner: Examiner[t.Any], report: Report, error: ErpError) -> DoctorStep:
    answered = isinstance(error, CallError) and error.status is not None
    # Where each call carries the credentials, a 403 may be about them: they are tried once.
    denied = isinstance(error, NotPermittedError) and examiner.logins
    if answered or denied or isinstance(error, (MissingResourceError, DataError)):
        return _unproven(error)
    if isinstance(error, CredentialsError):
        _try_other_logins(examiner, report)
        do = "check the credentials"
        do += "" if examiner.deep else "; --deep tries the other ways to log in"
    else:
        do = "check address and network, and whether the vendor is up"
    return DoctorStep("login", Level.RED, str(error), do)


def _try_other_logins(examiner: Examiner[t.Any], report: Report) -> None:
    if not examiner.deep:
        return
    try:
        report.findings += examiner.other_logins()
    except ErpError as error:
        report.steps.append(DoctorStep("other logins", Level.AMBER, str(error)))


def _unproven(error: ErpError) -> DoctorStep:
    """The one resource that proves a login may be what this login lacks; others may be read."""
    do = "what the other streams answer tells more"
    return DoctorStep("login", Level.AMBER, f"not proven: {error}", do)


def _only_refused(samples: t.Collection[ResourceSample]) -> bool:
    """Whether nothing but refusals has come: more of them might lock an account."""
    refused = [sample for sample in samples if sample.access is Access.DENIED]
    return len(refused) == len(samples) >= _REFUSALS


_ATTEMPTS = 2
"""Times that a call is tried: a vendor that is down would use up the calls."""
_REFUSALS = 3
"""Streams that are refused, one after the other, before nothing else is asked for."""


def _reading(samples: t.Iterable[ResourceSample]) -> DoctorStep:
    samples = list(samples)
    counts = {access: [s for s in samples if s.access is access] for access in Access}
    read, denied, failed = counts[Access.READ], counts[Access.DENIED], counts[Access.FAILED]
    said = ", ".join(f"{len(found)} {access.value}" for access, found in counts.items() if found)
    if failed or denied:
        do = "; ".join(_together(found) for found in (failed, denied) if found)
        level = Level.AMBER if read else Level.RED
        return DoctorStep("streams", level, said, do)
    if samples and not read and not counts[Access.SKIPPED]:
        return DoctorStep(
            "streams", Level.RED, said, "check the address, and ask the vendor for paths"
        )
    return DoctorStep("streams", Level.GREEN, said or "none was looked at")


def _together(samples: t.Sequence[ResourceSample]) -> str:
    """The error of the first sample; the table of the streams has those of the others."""
    first, more = samples[0], len(samples) - 1
    also = f" (and {more} more, below)" if more else ""
    return f"{first.resource.name}: {redact.cut(first.said, _LONGEST, _MORE)}{also}"


_LONGEST, _MORE = 240, "…"
"""Characters of what a vendor said that the summary, which is one screen, shows."""


def _findings(examiner: Examiner[t.Any]) -> t.Iterator[Verdict]:
    try:
        yield from examiner.findings()
    except NoCallsLeftError:
        return
    except ErpError as error:
        yield Verdict("", VerdictState.UNTOLD, f"the examination ended early: {error}")


def _not_told(examiner: Examiner[t.Any], report: Report) -> t.Iterator[Verdict]:
    told = {finding.name for finding in report.findings}
    for one in examiner.assumptions:
        if one.name in told or one.writes:
            continue
        why = one.untold
        if not why:
            spent = len(report.exchanges) >= report.most_calls
            why = (
                "no calls were left (--max-calls)" if spent else "nothing in what was read shows it"
            )
        yield Verdict(one.name, VerdictState.UNTOLD, why)

"""What a login gives, a token or a session: shared by all threads, and made anew when it ends."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import threading
import typing as t

from erp_vendors.errors import CallError, CredentialsError, Phase

RENEWALS = 10
"""Logins that one call may see end before it fails."""
_MARGIN = 60.0
"""A login is made anew this many seconds before it ends."""

Value = t.TypeVar("Value")
Result = t.TypeVar("Result")


@dataclasses.dataclass(slots=True, eq=False)
class Grant(t.Generic[Value]):
    """What one login gave.

    Attributes:
        value: The token or the session.
        ends_at: Epoch seconds, or None when the vendor did not say.
        by_login: It was made with the credentials of the settings: if it is refused, they are. A
            token that a user pasted, or that a refresh token bought, may be over instead.
        served: A call with it has succeeded.
    """

    value: Value
    ends_at: float | None = None
    by_login: bool = True
    served: bool = False
    _due: float | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.ends_at is not None:
            # A token that lives shorter than the margin must not be renewed before every call.
            left = max(self.ends_at - now(), 0.0)
            self._due = self.ends_at - min(_MARGIN, left / 2)

    @property
    def is_due(self) -> bool:
        """Whether it is time to replace it."""
        return self._due is not None and self._due < now()

    @property
    def may_be_over(self) -> bool:
        """Whether a refusal can mean that its time is over, rather than that it is no good."""
        over = self.ends_at is not None and self.ends_at <= now()
        return self.served or over or not self.by_login


class Login(t.Generic[Value]):
    """A login at a vendor, and the only way in which calls use it.

    A call that is refused with a grant that has served before meets that grant's end: the call is
    made again with a new one. A grant that never served and is refused was no good from the start,
    and logging in again would not help: then the credentials are refused. Only the very first one
    gets a second chance, as another program's login may have ended it before it was used.

    To know which of the two it is, a new grant is used by one call alone until it has served; so
    bad credentials are never tried by several calls at once, either, which may lock an account.
    And a call that was refused is repeated with the lock held, so that others cannot use up the
    next grant before it: whatever the grants' life, it needs at most one login of its own.

    Attributes:
        accepted: A call with any of its grants has succeeded.
    """

    def __init__(
        self,
        make: t.Callable[[Value | None], Grant[Value]] | None = None,
        given: Grant[Value] | None = None,
    ) -> None:
        """Nothing is called yet.

        Args:
            make: Logs in. It is given what served until now, which may carry a refresh token, or
                None. It raises `CredentialsError` if the vendor refuses the login, which is then
                not tried again. Without it there is no other grant than the first.
            given: The first grant.
        """
        self._make = make
        self._grant = given
        self._first: Grant[Value] | None = None
        self._lock = threading.RLock()
        self._refused: CredentialsError | None = None
        self.accepted = False

    def current(self) -> Value:
        """What a call would use now; the first thread that needs it logs in.

        Raises:
            CredentialsError: If the vendor refuses the login.
            ErpError: If a call fails.
        """
        with self._lock:
            return self._usable(None).value

    def begin(
        self,
        refuses: t.Callable[[Exception], bool],
        final: t.Callable[[Exception], None] = lambda _: None,
    ) -> LoginUse[Value]:
        """Begin a call.

        Args:
            refuses: Whether an attempt's error says that the vendor does not take the grant, and
                has not executed the attempt.
            final: Told of such an error that no new login can mend, before any other call that
                waits for its turn is made.
        """
        return LoginUse(self, refuses, final)

    def take(self, turn: contextlib.ExitStack, ended: Grant[Value] | None = None) -> Grant[Value]:
        """A grant for one attempt of a call.

        Args:
            turn: Gets the lock if the attempt has to be made alone.
            ended: What the call has been refused with.

        Raises:
            CredentialsError: If a new login is refused.
            CallError: If a new login fails otherwise.
        """
        grant = self._grant
        if ended is None and grant is not None and grant.served and not grant.is_due:
            return grant
        turn.enter_context(self._lock)
        grant = self._usable(ended)
        if ended is None and grant.served:
            turn.close()  # it has proven good meanwhile
        return grant

    @property
    def is_fixed(self) -> bool:
        """Whether there is no other grant than the first."""
        return self._make is None

    def is_renewable(self, grant: Grant[Value]) -> bool:
        """Whether a new login may help a call that was refused with a grant."""
        is_first = grant is self._first and not self.accepted
        return not self.is_fixed and (grant.may_be_over or is_first)

    def _usable(self, ended: Grant[Value] | None) -> Grant[Value]:
        """The grant, or a new one in place of one that has ended; the lock is held."""
        if self._refused is not None:
            raise self._refused  # logging in again and again could lock the account
        grant = self._grant
        if grant is None or ((grant is ended or grant.is_due) and self._make is not None):
            made = self._made(grant)
            self._first = made if grant is None else None
            grant = self._grant = made
        return grant

    def _made(self, previous: Grant[Value] | None) -> Grant[Value]:
        if self._make is None:
            msg = "there is neither a grant nor a way to make one"
            raise RuntimeError(msg)
        try:
            return self._make(previous.value if previous is not None and previous.served else None)
        except CredentialsError as error:
            self._refused = error
            raise
        except CallError as error:
            # The login failed, however far it got; the call that needs the login was not sent.
            raise CallError(str(error), phase=Phase.NOT_SENT) from None


class LoginUse(t.Generic[Value]):
    """One call's use of a login, over all of its attempts."""

    def __init__(
        self,
        login: Login[Value],
        refuses: t.Callable[[Exception], bool],
        final: t.Callable[[Exception], None],
    ) -> None:
        """See `Login.begin`."""
        self._login = login
        self._refuses = refuses
        self._final = final
        self._renewals = 0
        self._attempts = 0

    def attempt(self, send: t.Callable[[Value], Result]) -> Result:
        """Make an attempt; again with a new grant where the one it was made with has ended.

        Args:
            send: Makes the attempt with a grant.

        Returns:
            What the attempt gives.

        Raises:
            CredentialsError: If a new login is refused.
            CallError: If a new login fails otherwise; the attempt was not sent then.
            Exception: What the attempt raises.
        """
        self._attempts += 1
        with contextlib.ExitStack() as turn:
            grant = self._take(turn)
            while True:
                try:
                    result = send(grant.value)
                except Exception as error:
                    if not self._refuses(error):
                        raise
                    if self._renewals == RENEWALS or not self._login.is_renewable(grant):
                        self._final(error)
                        raise
                else:
                    grant.served = self._login.accepted = True
                    return result
                self._renewals += 1
                grant = self._take(turn, grant)

    def _take(self, turn: contextlib.ExitStack, ended: Grant[Value] | None = None) -> Grant[Value]:
        try:
            return self._login.take(turn, ended)
        except CallError as error:
            error.attempts = self._attempts  # an earlier one may have been executed
            raise


def now() -> float:
    """Epoch seconds."""
    return dt.datetime.now(dt.timezone.utc).timestamp()

"""A rate budget that several processes or machines share."""

from __future__ import annotations

import hashlib
import logging
import math
import pathlib
import random
import sqlite3
import threading
import time
import typing as t
import weakref
import zlib

from pyrate_limiter import AbstractBucket, Rate, RateItem, SQLiteBucket

from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.private import make_file
from erp_vendors.stores import Kind, explained, kind_of

if t.TYPE_CHECKING:
    from filelock import FileLock

logger = logging.getLogger("erp.budget")

_TIDY_EVERY = 50
"""Permissions after which old ones are removed from the store."""
_TICKS = 1_000_000
"""Ticks per second of the store's stamps: milliseconds would round short intervals too much."""
_AHEAD = _TICKS // 2
"""A place is taken so many ticks before its time at most: a process that dies wastes it."""
_STALE = _TICKS // 50
"""A process that wakes up so many ticks after its turn asks for a new one: that of another process
has come by then."""
_CONTENTION_SECONDS = 0.001
"""Pause after another process was just being served."""
_HOLDS = "CREATE TABLE IF NOT EXISTS erp_holds (name TEXT PRIMARY KEY, until {long} NOT NULL)"
_LATER = """INSERT INTO erp_holds (name, until) VALUES ({value}, {value})
    ON CONFLICT (name) DO UPDATE SET until = {later}(erp_holds.until, excluded.until)"""
_LATER_IN_REDIS = """
if tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[1])
    redis.call('PEXPIREAT', KEYS[1], math.ceil(ARGV[1] / 1000))
end"""
_BUSY_SECONDS = 60
_SAME_HOLD = _TICKS // 20
"""A pause that ends so many ticks later than the one that the store knows is the same: each call
that was under way brings the vendor's word anew."""


class Holds(t.Protocol):
    """Keeps until when no process may call."""

    def look(self) -> tuple[int, int]:
        """The store's time and the end of the newest pause, both in ticks; 0 if there was none."""

    def until(self, end: int) -> None:
        """Keep the end of a pause, unless the store knows a later one.

        Args:
            end: Its end in ticks of the store's time.
        """


class SharedRate:
    """Permissions that all processes with the same store and account share.

    A process takes the next free place in the row and comes back when its time has come, so that
    nobody needs to be watching at the moment when a place becomes free. What the vendor tells one
    process to wait, all of them wait. The store's clock is that of the server, with SQLite that of
    the machine.

    Attributes:
        held: Seconds that a pause was to last when a permission was asked for last; 0 without one.
    """

    def __init__(self, buckets: t.Sequence[AbstractBucket], holds: Holds) -> None:
        self._buckets = buckets
        self._holds = holds
        self._lock = threading.Lock()
        self._taken = 0
        self._place: int | None = None
        self.held = 0.0

    def take(self) -> float:
        """Take a permission.

        Returns:
            0, or the seconds to wait before the next try.

        Raises:
            ErpError: If the store fails.
        """
        try:
            return self._take()
        except Exception as error:  # noqa: BLE001 - each driver's own, and it may not be installed
            msg = f"the store of the setting 'rate_limit_store' fails: {explained(error)}"
            raise ErpError(msg) from None

    def hold(self, seconds: float) -> None:
        """Let no process call for a while: the vendor said so to this one.

        It never fails: the call that brought the word may have written something, and what became
        of it must be noted. Where the store does not answer, the next permission fails.

        Args:
            seconds: How long from now.
        """
        try:
            with self._lock:
                now, known = _look(self._holds)
                end = now + math.ceil(seconds * _TICKS)
                if end > known + _SAME_HOLD:
                    self._holds.until(end)
        except Exception as error:  # noqa: BLE001 - see `take`
            logger.warning("cannot tell other processes to wait: %s", explained(error))

    def _take(self) -> float:
        with self._lock:
            now, held_until = _look(self._holds)
            self.held = max(0, held_until - now) / _TICKS
            if self.held:
                return self.held
            if self._place is None or now > self._place + _STALE:
                place = max(now, *(_free_from(bucket, now) for bucket in self._buckets))
                if place > now + _AHEAD:
                    self._place = None
                    return (place - now - _AHEAD // 2) / _TICKS
                self._place = place
                if not all(bucket.put(RateItem("call", place)) for bucket in self._buckets):
                    self._place = None
                    return random.uniform(0.5, 1.5) * _CONTENTION_SECONDS  # noqa: S311
            if self._place > now:
                return (self._place - now) / _TICKS
            self._place = None
            self._taken += 1
            if self._taken % _TIDY_EVERY == 0:
                for bucket in self._buckets:
                    bucket.leak(now)
            return 0.0


def open_store(setting: str, account: str, rates: t.Iterable[tuple[int, float]]) -> SharedRate:
    """Open the budget of an account.

    Args:
        setting: Path of an SQLite file, `redis://…` or `postgresql://…`.
        account: Whose budget it is.
        rates: Pairs of a number of calls and the seconds in which they may be made.

    Raises:
        ConfigError: If the store cannot be opened.
    """
    kind = kind_of("rate_limit_store", setting, "redis", "postgresql")
    name = hashlib.blake2b(account.encode(), digest_size=6).hexdigest()
    limits = [Rate(calls, math.ceil(seconds * _TICKS)) for calls, seconds in rates]
    try:
        buckets, holds = _KINDS[kind](setting, name, limits)
    except ImportError as error:
        extra = "redis" if kind == "redis" else "postgres"
        msg = f"rate_limit_store needs more packages ({error}): pip install 'erp-singer[{extra}]'"
        raise ConfigError(msg) from None
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver's own, and it may not be installed
        msg = f"cannot open the setting 'rate_limit_store': {explained(error)}"
        raise ConfigError(msg) from None
    return SharedRate(buckets, holds)


def _sqlite(path: str, name: str, rates: list[Rate]) -> _Store:
    make_file("rate_limit_store", pathlib.Path(path))
    buckets: list[AbstractBucket] = []
    for place, rate in enumerate(rates):
        bucket = SQLiteBucket.init_from_file(
            [rate], table=f"erp_{name}_{place}", db_path=path, use_file_lock=True
        )
        t.cast("FileLock", bucket.lock).poll_interval = _CONTENTION_SECONDS
        weakref.finalize(bucket, bucket.conn.close)
        buckets.append(bucket)
    return buckets, _SQLiteHolds(path, name)


class _SQLiteHolds:
    def __init__(self, path: str, name: str) -> None:
        self._name = name
        self._connection = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS
        )
        weakref.finalize(self, self._connection.close)
        self._connection.execute(_HOLDS.format(long="INTEGER"))

    def look(self) -> tuple[int, int]:
        row = self._connection.execute(
            "SELECT until FROM erp_holds WHERE name = ?", (self._name,)
        ).fetchone()
        return time.time_ns() * _TICKS // 1_000_000_000, row[0] if row else 0

    def until(self, end: int) -> None:
        later = _LATER.format(value="?", later="MAX")
        self._connection.execute(later, (self._name, end))


def _redis(url: str, name: str, rates: list[Rate]) -> _Store:
    import redis  # noqa: PLC0415 - an extra
    from pyrate_limiter import RedisBucket  # noqa: PLC0415 - needs it
    from pyrate_limiter.buckets.redis_bucket import LuaScript  # noqa: PLC0415 - needs it

    client = redis.Redis.from_url(url)
    client.ping()

    class StrictRedisBucket(RedisBucket):
        """Gives no second permission to a process that was a moment slower."""

        def put(self, item: RateItem) -> bool:
            # The bucket's own count ends at the item's stamp, so it misses items that were put with
            # a later stamp meanwhile. Of two items that are too close, the later one stays.
            try:
                taken = super().put(item)
            except redis.exceptions.NoScriptError:  # as of a server that has begun anew
                client.script_load(LuaScript.PUT_ITEM)
                taken = super().put(item)
            if not taken:
                return False
            if not client.zcount(self.bucket_key, item.timestamp + 1, "+inf"):
                return True
            rate = self.rates[0]
            around = client.zcount(self.bucket_key, item.timestamp - rate.interval, "+inf")
            return around <= rate.limit

    class RedisHolds:
        def __init__(self) -> None:
            self._key = f"erp:{name}:hold"
            self._later = client.register_script(_LATER_IN_REDIS)

        def look(self) -> tuple[int, int]:
            with client.pipeline(transaction=False) as asked:
                asked.time()
                asked.get(self._key)
                (seconds, microseconds), end = asked.execute()
            return int(seconds) * _TICKS + int(microseconds), int(end or 0)

        def until(self, end: int) -> None:
            self._later(keys=[self._key], args=[end])

    buckets = [
        t.cast("AbstractBucket", StrictRedisBucket.init([rate], client, f"erp:{name}:{place}"))
        for place, rate in enumerate(rates)
    ]
    return buckets, RedisHolds()


def _postgres(url: str, name: str, rates: list[Rate]) -> _Store:
    import psycopg  # noqa: PLC0415 - an extra
    from psycopg import Connection  # noqa: PLC0415 - an extra
    from psycopg_pool import ConnectionPool  # noqa: PLC0415 - an extra
    from pyrate_limiter import PostgresBucket  # noqa: PLC0415 - needs it

    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # it repeats hosts and users
    psycopg.connect(url, connect_timeout=10).close()  # a clear error now instead of a late one

    def in_utc(connection: Connection) -> None:
        # The bucket keeps stamps without a zone: where clocks are set back, two hours would be one.
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()

    pool = ConnectionPool(url, min_size=1, max_size=2, open=True, configure=in_utc)
    weakref.finalize(pool, pool.close)

    class PostgresHolds:
        def __init__(self) -> None:
            with pool.connection() as connection:
                # Of processes that make a table at once, one would fail.
                lock = zlib.crc32(b"erp_holds")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
                connection.execute(_HOLDS.format(long="BIGINT"))

        def look(self) -> tuple[int, int]:
            query = """SELECT (extract(epoch FROM clock_timestamp()) * %s)::bigint,
                COALESCE((SELECT until FROM erp_holds WHERE name = %s), 0)"""
            with pool.connection() as connection:
                row = connection.execute(query, (_TICKS, name)).fetchone()
            return t.cast("tuple[int, int]", row)

        def until(self, end: int) -> None:
            later = _LATER.format(value="%s", later="GREATEST")
            with pool.connection() as connection:
                connection.execute(later, (name, end))

    buckets = [
        t.cast("AbstractBucket", PostgresBucket(pool, f"erp_{name}_{place}", [rate]))
        for place, rate in enumerate(rates)
    ]
    return buckets, PostgresHolds()


_Store = tuple[list[AbstractBucket], Holds]
_KINDS: dict[Kind, t.Callable[[str, str, list[Rate]], _Store]] = {
    "sqlite": _sqlite,
    "redis": _redis,
    "postgresql": _postgres,
}


def _look(holds: Holds) -> tuple[int, int]:
    """As `Holds.look`; tests put a clock of their own in its place."""
    return holds.look()


def _free_from(bucket: AbstractBucket, now: int) -> int:
    """When the bucket has room for one more."""
    rate = bucket.rates[0]
    oldest = t.cast("RateItem | None", bucket.peek(rate.limit - 1))
    # Past the interval, which counts with both ends, by more than PostgreSQL rounds.
    return now if oldest is None else oldest.timestamp + rate.interval + 2

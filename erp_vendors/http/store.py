"""A rate budget that several processes or machines share."""

from __future__ import annotations

import hashlib
import logging
import math
import pathlib
import random
import threading
import time
import typing as t
import weakref

from pyrate_limiter import AbstractBucket, Rate, RateItem, SQLiteBucket

from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.private import make_file
from erp_vendors.stores import Kind, explained, kind_of

if t.TYPE_CHECKING:
    from filelock import FileLock

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


class SharedRate:
    """Permissions that all processes with the same store and account share.

    A process takes the next free place in the row and comes back when its time has come, so that
    nobody needs to be watching at the moment when a place becomes free. The store's clock is that
    of the server, with SQLite that of the machine.
    """

    def __init__(self, buckets: t.Sequence[AbstractBucket]) -> None:
        self._buckets = buckets
        self._lock = threading.Lock()
        self._taken = 0
        self._place: int | None = None

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

    def _take(self) -> float:
        with self._lock:
            now = _now(self._buckets[0])
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
        buckets = _KINDS[kind](setting, name, limits)
    except ImportError as error:
        extra = "redis" if kind == "redis" else "postgres"
        msg = f"rate_limit_store needs more packages ({error}): pip install 'erp-singer[{extra}]'"
        raise ConfigError(msg) from None
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver's own, and it may not be installed
        msg = f"cannot open the setting 'rate_limit_store': {explained(error)}"
        raise ConfigError(msg) from None
    return SharedRate(buckets)


def _sqlite(path: str, name: str, rates: list[Rate]) -> list[AbstractBucket]:
    make_file("rate_limit_store", pathlib.Path(path))
    buckets: list[AbstractBucket] = []
    for place, rate in enumerate(rates):
        bucket = SQLiteBucket.init_from_file(
            [rate], table=f"erp_{name}_{place}", db_path=path, use_file_lock=True
        )
        t.cast("FileLock", bucket.lock).poll_interval = _CONTENTION_SECONDS
        weakref.finalize(bucket, bucket.conn.close)
        buckets.append(bucket)
    return buckets


def _redis(url: str, name: str, rates: list[Rate]) -> list[AbstractBucket]:
    import redis  # noqa: PLC0415 - an extra
    from pyrate_limiter import RedisBucket  # noqa: PLC0415 - needs it

    client = redis.Redis.from_url(url)
    client.ping()

    class OneClockRedisBucket(RedisBucket):
        """One clock for all, and no second permission to a process that was a moment slower."""

        def now(self) -> int:
            seconds, microseconds = client.time()
            return int(seconds * _TICKS + microseconds)

        def put(self, item: RateItem) -> bool:
            # The bucket's own count ends at the item's stamp, so it misses items that were put with
            # a later stamp meanwhile. Of two items that are too close, the later one stays.
            if not super().put(item):
                return False
            if not client.zcount(self.bucket_key, item.timestamp + 1, "+inf"):
                return True
            rate = self.rates[0]
            around = client.zcount(self.bucket_key, item.timestamp - rate.interval, "+inf")
            return around <= rate.limit

    return [
        t.cast("AbstractBucket", OneClockRedisBucket.init([rate], client, f"erp:{name}:{place}"))
        for place, rate in enumerate(rates)
    ]


def _postgres(url: str, name: str, rates: list[Rate]) -> list[AbstractBucket]:
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

    class OneClockPostgresBucket(PostgresBucket):
        """The server's clock, in our ticks, and no other one if it does not answer."""

        def now(self) -> int:
            query = "SELECT (extract(epoch FROM clock_timestamp()) * %s)::bigint"
            with pool.connection() as connection:
                row = connection.execute(query, (_TICKS,)).fetchone()
            return int(t.cast("tuple[int]", row)[0])

    return [
        t.cast("AbstractBucket", OneClockPostgresBucket(pool, f"erp_{name}_{place}", [rate]))
        for place, rate in enumerate(rates)
    ]


_KINDS: dict[Kind, t.Callable[[str, str, list[Rate]], list[AbstractBucket]]] = {
    "sqlite": _sqlite,
    "redis": _redis,
    "postgresql": _postgres,
}


def _now(bucket: AbstractBucket) -> int:
    if isinstance(bucket, SQLiteBucket):
        return time.time_ns() * _TICKS // 1_000_000_000
    return t.cast("int", bucket.now())  # type: ignore[no-untyped-call]


def _free_from(bucket: AbstractBucket, now: int) -> int:
    """When the bucket has room for one more."""
    rate = bucket.rates[0]
    oldest = t.cast("RateItem | None", bucket.peek(rate.limit - 1))
    # Past the interval, which counts with both ends, by more than PostgreSQL rounds.
    return now if oldest is None else oldest.timestamp + rate.interval + 2

"""One transport for all vendors: sessions, auth, rate budget, retry policy, redaction."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.http.call import Answer
    from erp_vendors.http.options import TransportOptions
    from erp_vendors.http.transport import Transport
    from erp_vendors.http.window import Coming, ReadAhead, ordered_map

__all__ = ["Answer", "Coming", "ReadAhead", "Transport", "TransportOptions", "ordered_map"]

__getattr__ = lazily(
    __name__,
    Answer="call",
    Transport="transport",
    TransportOptions="options",
    Coming="window",
    ReadAhead="window",
    ordered_map="window",
)

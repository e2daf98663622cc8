"""One transport for all vendors: sessions, auth, rate budget, retry policy, redaction."""

from erp_vendors.http.transport import Answer, Transport, TransportOptions
from erp_vendors.http.window import Coming, ReadAhead, ordered_map

__all__ = ["Answer", "Coming", "ReadAhead", "Transport", "TransportOptions", "ordered_map"]

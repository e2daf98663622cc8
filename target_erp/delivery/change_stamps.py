"""What the vendor's change stamp tells of a record that was read before it is written."""

from __future__ import annotations

from erp_vendors.stamps import to_epoch_ms, to_iso

_SECOND = 1_000


def is_same_stamp(theirs: object, ours: object) -> bool:
    """Whether a vendor's stamp is the one that a record carries.

    Of two different ones none proves anything: clocks are set back, and a stamp without a zone
    cannot be compared with one that has a zone.

    Args:
        theirs: The vendor's stamp.
        ours: The record's stamp; None if it carries none.
    """
    if theirs is None or ours is None:
        return False
    one, other = to_iso(theirs), to_iso(ours)
    if str(theirs) == str(ours) or (one is not None and one == other):
        return True
    if (one is None) == (other is None) or not (one or other or "").endswith("Z"):
        return False
    moment = to_epoch_ms(theirs)
    return moment is not None and moment == to_epoch_ms(ours)


def is_same_version(theirs: object, ours: object) -> bool:
    """Whether a record carries the vendor's present stamp, and only one version can have it.

    A stamp of whole seconds is that of every version of its second.

    Args:
        theirs: The vendor's stamp.
        ours: The record's stamp; None if it carries none.
    """
    if not is_same_stamp(theirs, ours):
        return False
    text = to_iso(theirs)
    if text is not None:
        return not text.removesuffix("Z").endswith(".000000")
    moment = to_epoch_ms(theirs)
    return moment is not None and moment % _SECOND != 0

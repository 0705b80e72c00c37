"""Two agencies learn which identifiers both hold, and nothing else of each other's, by files."""

from headwater.deconfliction.group import new_scalar
from headwater.deconfliction.identifiers import DEFAULT_KINDS, KINDS, Held, Holder, held_identifiers, holders_of
from headwater.deconfliction.kept import destroy_kept, keep_order, keep_scalar, kept_order, kept_scalar, shared_key
from headwater.deconfliction.message import (
    BOTH,
    ECDH,
    HMAC,
    LEARNS,
    STARTER,
    Header,
    Message,
    check_new_file,
    message_file,
    read_header,
    read_message,
)
from headwater.deconfliction.padding import padded_count
from headwater.deconfliction.sides import (
    Sent,
    answered,
    hidden,
    key_check,
    keyed,
    marked,
    shared_by_ecdh,
    shared_in,
)

__all__ = [
    "BOTH",
    "DEFAULT_KINDS",
    "ECDH",
    "HMAC",
    "KINDS",
    "LEARNS",
    "STARTER",
    "Header",
    "Held",
    "Holder",
    "Message",
    "Sent",
    "answered",
    "check_new_file",
    "destroy_kept",
    "held_identifiers",
    "hidden",
    "holders_of",
    "keep_order",
    "keep_scalar",
    "kept_order",
    "kept_scalar",
    "key_check",
    "keyed",
    "marked",
    "message_file",
    "new_scalar",
    "padded_count",
    "read_header",
    "read_message",
    "shared_by_ecdh",
    "shared_in",
    "shared_key",
]

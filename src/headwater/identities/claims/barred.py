"""Values that tell nobody apart: network addresses that many people come from."""

from __future__ import annotations

from headwater.engine import Session
from headwater.identities.networks import Networks

__all__ = ["barred_values"]


class _Barred:
    def __init__(self, tables: Session) -> None:
        self._networks = Networks(tables)

    def __call__(self, kind: str, value: str) -> str | None:
        """Why a value tells nobody apart; None where it does."""
        if kind != "network_address":
            return None
        if self._networks.is_single_client_anywhere(value):
            return "nearly all requests in an access log come from it: it stands for every visitor"
        network = self._networks.range_of(value)
        if network is not None and network.hides:
            return f"a network list calls it {network.kind}: it does not say who was there"
        return None


def barred_values(tables: Session) -> _Barred:
    """From a kind of identifier and a value to why it tells nobody apart."""
    return _Barred(tables)

"""Invented files of other coins: Monero, shielded Zcash and Lightning."""

__all__: list[str] = []

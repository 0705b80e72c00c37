"""Invented files of other coins: Monero, shielded Zcash and Lightning."""

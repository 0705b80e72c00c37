"""Starts the zygote; only the trusted parent does this."""

from __future__ import annotations

import sys

from headwater_sealed.zygote import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

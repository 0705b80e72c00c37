"""Run by `headwater serve` and `headwater people`, in a process of its own: the product itself opens no socket."""

from __future__ import annotations

import sys

from headwater_web.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m headwater_verify`."""

from __future__ import annotations

import sys

from headwater_verify import main

sys.exit(main())

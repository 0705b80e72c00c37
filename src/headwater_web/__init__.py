"""The workbench: where a unit of investigators works through a case, in a browser, on the unit's own machine.

Never a still, a video or a sound leaves it; every reading is recorded before it is shown.
"""

__all__: list[str] = []

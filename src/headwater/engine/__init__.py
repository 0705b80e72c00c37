"""The only door to the query engines: DuckDB by default, Spark as an option, both through Ibis."""

from headwater.engine.context import Exhibit, Progress, StageContext, silent
from headwater.engine.session import Session

__all__ = ["Exhibit", "Progress", "Session", "StageContext", "silent"]

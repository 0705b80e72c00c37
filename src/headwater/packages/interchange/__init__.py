"""What a package says in the formats of others: CASE/UCO, STIX 2.1 and FollowTheMoney, each by an allow-list."""

from headwater.packages.interchange.allowed import ALLOWED, FORMATS
from headwater.packages.interchange.files import about_file, interchange_files

__all__ = ["ALLOWED", "FORMATS", "about_file", "interchange_files"]

"""Stand-alone record linkage: two files of people, and which rows may be of one person, with the reasons."""

from headwater.identities.linkage.linkage_model import LinkageModel, read_linkage_model
from headwater.identities.linkage.run import LinkOptions, LinkReport, link_files

__all__ = ["LinkOptions", "LinkReport", "LinkageModel", "link_files", "read_linkage_model"]

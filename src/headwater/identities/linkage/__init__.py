"""Stand-alone record linkage: two files of people, and which rows may be of one person, with the reasons."""

from headwater.identities.linkage.run import LinkOptions, LinkReport, link_files

__all__ = ["LinkOptions", "LinkReport", "link_files"]

"""Whether two names are one person's: how probable, and why."""

from headwater.identities.names.probability import NameReason, name_probability, name_reasons

__all__ = ["NameReason", "name_probability", "name_reasons"]

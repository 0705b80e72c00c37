"""The screens: each module declares its routes, and `headwater_web.routes` lists the modules."""

__all__: list[str] = []

"""Cinema's property tests judge answers, not the speed of a machine that does other things meanwhile."""

from hypothesis import settings

settings.register_profile("cinema", deadline=None)
settings.load_profile("cinema")

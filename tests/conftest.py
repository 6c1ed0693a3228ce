"""What holds for every test."""

from hypothesis import settings

# No example has a deadline: a busy machine is no failure. A failing example prints what repeats it.
settings.register_profile("hongbao", deadline=None, print_blob=True)
settings.load_profile("hongbao")

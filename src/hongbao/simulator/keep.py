"""Where a world survives its process: a folder with one SQLite file."""

from pathlib import Path


class Keep:
    """The data folder of one world. Survives kill -9 of the simulator, not of the machine."""

    def __init__(self, folder: Path) -> None:
        """Open or create the folder."""
        raise NotImplementedError

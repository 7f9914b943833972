"""Settings of `fact report`."""

from factcli.config import Config, setting

REVISION = 4
PAGE = "report.html"


class ReportConfig(Config):
    """What the page shows beside the figures that it always shows."""

    main: str | None = setting(None, "Model that the others are compared with; unset is PREREQ-TUNE.")
    samples: int = setting(4, "Subjects whose answers are shown word by word.", ge=0, le=50)
    seed: int = setting(0, "Seed of the choice of those subjects.")
    clock: bool = setting(True, "Show seconds and dates; without them equal inputs give an equal page, whenever they were made.")

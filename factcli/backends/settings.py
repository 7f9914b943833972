"""The settings of generation, one group that every stage which asks a model nests in its own."""

from pathlib import Path

from pydantic import Field, field_validator

from factcli.backends.spec import base_url
from factcli.config import Config, setting


class GenerationConfig(Config):
    """Who is asked, how patiently, and for how much money. Who answers stands in the key as what `backend` resolves to."""

    backend: str = setting("", "http:MODEL@URL[,URL2], http:MODEL@NAME, local:REF or scripted:FILE.", "operational")
    revision: str = setting("", "Revision of the model behind an http backend, where it is known; part of what answers are kept under.", "operational")
    chat: bool = setting(True, "Ask as a chat; false sends text to be continued: for a base model.")
    json_asks: int = setting(3, "Times that an answer of the wrong form is asked for in all.", ge=1, le=20)
    servers: dict[str, tuple[str, ...]] = Field(default={}, description="NAME: [base URLs] for http:MODEL@NAME.", json_schema_extra={"role": "operational"})
    key_variable: str = setting("OPENAI_API_KEY", "Environment variable that holds the key of the server.", "operational")
    key_file: Path | None = setting(None, "File that holds the key and nothing else; wins over the variable.", "operational")
    most_in_flight: int = setting(512, "Requests at once per server, at most; how many it takes is found by trying.", "operational", ge=1, le=1000)
    first_in_flight: int = setting(16, "Requests at once to begin with; more where the server is known to take them.", "operational", ge=1, le=1000)
    timeout_s: float = setting(120.0, "Seconds of one try, to the last byte.", "operational", gt=0)
    tries: int = setting(6, "Tries of a request that time-outs, cut connections and 5xx bring down.", "operational", ge=1, le=100)
    patience_s: float = setting(900.0, "Seconds that one request waits for 429s to end.", "operational", ge=0)
    price: str = setting("", "IN,OUT per million tokens, e.g. 0.15,0.60; or a YAML file of MODEL: [IN, OUT].", "operational")
    budget: float | None = setting(None, "Money for this artifact, in all runs; they stop before the request that could exceed it.", "operational", ge=0)
    max_failed: float = setting(
        0.02,
        "Share of rows that may end without a usable answer: none came, or of the one that came no row can be made (empty, no pair in it). "
        "Above it nothing is committed, and the command ends with 6. What a check takes out of a usable answer is a reject and does not count.",
        "operational",
        ge=0,
        le=1,
    )
    retry_failed: bool = setting(False, "Buy again what is stored as truncated, refused or invalid.", "operational")
    requests_per_s: float | None = setting(None, "Rate for the time in a dry run's plan; without it that of the last run.", "operational", gt=0)

    @field_validator("servers")
    @classmethod
    def _hold_no_secrets(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Of all that are listed, also those that this run does not ask: they are recorded too."""
        return {name: tuple(base_url(url) for url in urls) for name, urls in value.items()}

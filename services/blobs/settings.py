"""Where blobs are kept: `FA_BLOBS__*`."""

from pathlib import Path

from pydantic import Field, PositiveFloat

from services.chassis.settings import Concern


class Blobs(Concern):
    """A folder that console and ingest share, or a bucket of S3's; credentials are those that AWS's variables and roles give."""

    folder: Path = Path(".local/blobs")
    bucket: str | None = Field(default=None, min_length=3, max_length=63)
    """A bucket of S3's: then the folder is not used."""
    prefix: str = Field(default="finish/", max_length=200, pattern=r"^[A-Za-z0-9_./-]*$")
    """What the names in the bucket begin with."""
    region: str | None = None
    endpoint_url: str | None = None
    """Of another store that speaks S3's protocol."""
    timeout_s: PositiveFloat = 10.0
    """For the store to connect, and to answer or send on."""

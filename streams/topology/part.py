"""What the parts of a topology file share: frozen models that refuse unknown keys, and values that say themselves what is wrong."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streams.errors import UnitError

__all__ = ["InstrumentName", "Name", "Part", "exactly"]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
InstrumentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*:[A-Z0-9][A-Z0-9._-]*$", max_length=60)]


class Part(BaseModel):
    """A mapping of the file: frozen, and nothing but its own keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


def exactly(convert: Callable[[object], Any]) -> BeforeValidator:
    """Convert a value, and tell a UnitError in its own words."""

    def validate(value: Any) -> Any:
        try:
            return convert(value)
        except UnitError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(validate)

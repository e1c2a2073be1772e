"""How a method's config names an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from jointspace.encoders import registry
from jointspace.errors import ConfigError, nearest

if TYPE_CHECKING:
    from jointspace.encoders.base import Encoder


class EncoderConfig(BaseModel):
    """`{name: transformer, layers: 2, width: 128}`, or `minilm` for `{name: minilm}`.

    name: of `jointspace.encoders.registry`. pretrained: True = the weights that belong to the name, a path or hub id =
    those, False = random; left out = what the registry says. Further fields are options of that encoder. ConfigError
    for an unknown name or option, with the nearest valid one.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    pretrained: bool | str | None = None

    def __init__(self, **fields: Any):
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"encoder {where}: {message}" if where else message) from error

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known(self) -> EncoderConfig:
        homes = [modality for modality, entries in registry.ENTRIES.items() if self.name in entries]
        if not homes:
            raise ConfigError(f"no encoder is called {self.name!r}{nearest(self.name, registry.names())}")
        problems: list[ConfigError] = []
        for modality in homes:  # `hf` stands for several modalities; which one is meant shows only in `build`
            try:
                registry.resolve(self.name, modality, self.options())
                return self
            except ConfigError as error:
                problems.append(error)
        raise problems[0]

    def options(self) -> dict[str, Any]:
        """The options that are set, `pretrained` among them."""
        given = dict(self.model_extra or {})
        return given if self.pretrained is None else {**given, "pretrained": self.pretrained}

    def build(self, modality: str) -> Encoder:
        """A new encoder of that modality. Raises ConfigError."""
        return registry.build(self.name, modality, **self.options())

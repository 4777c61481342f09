"""Settings: defaults, a TOML file, the environment, in rising order; unknown keys are refused.

The file is ``$XDG_CONFIG_HOME/smearwatch/config.toml`` (``/etc/smearwatch/config.toml`` under systemd, whose
CONFIGURATION_DIRECTORY, STATE_DIRECTORY and RUNTIME_DIRECTORY win over XDG's). Before it comes the file of the
installation, ``etc/smearwatch/config.toml`` in its environment, where an administrator has put one for everybody.
An environment variable is the key in capitals behind ``SMEARWATCH_``.
"""

import difflib
import os
import re
import sys
import tomllib
import warnings
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from smearwatch.daemon.key_layout import KeyLayout, KeysClash
from smearwatch.daemon.message_setting import Messages
from smearwatch.daemon.names import PrintableName
from smearwatch.daemon.naming_setting import ExtraClasses, as_recorded, layout_of
from smearwatch.daemon.place_setting import Places
from smearwatch.daemon.plain_words import in_plain_words
from smearwatch.daemon.record.band_rules import BAND_RULES, rule_named
from smearwatch.daemon.record.extra_classes import ExtraClass
from smearwatch.daemon.regular_file import read_text
from smearwatch.daemon.scale_rule import USABLE, UmPerPx
from smearwatch.daemon.setting_places import SetUnusable, line_of, typed_settings

_PREFIX = "SMEARWATCH_"
_GIVEN_TWICE = re.compile(r"Cannot (?:overwrite a value|declare \(.*\) twice) \(at line (\d+), column \d+\)")
_OF_KEYS = ("keys", "extra_classes")
_TABLES = (*_OF_KEYS, "places", "messages")
# Not settings: which file they are in, the service unit's own two, where the tests' real pictures are.
_OTHER_VARIABLES = frozenset({"CONFIG", "WATCH", "OPTIONS", "REAL_DATA"})


class SettingsUnusable(ValueError):
    """A setting that cannot be used: which, where it came from, and the hint; whether it was typed as an option."""

    def __init__(self, message: str, hint: str, *, wrongly_typed: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.wrongly_typed = wrongly_typed
        self.others: tuple[SettingsUnusable, ...] = ()
        """What else is wrong, where one look finds more."""


def _service_dir(variable: str, fallback: str) -> Path:
    given = os.environ.get(variable)
    return Path(given.split(":")[0]) if given else Path(fallback)


def default_state_dir() -> Path:
    """Return where sessions live by default."""
    return _service_dir("STATE_DIRECTORY", platformdirs.user_state_dir("smearwatch"))


def default_runtime_dir() -> Path:
    """Return where sockets live by default."""
    with warnings.catch_warnings():
        # Without a login session there is no /run/user; the fallback is checked to be private when it is used.
        warnings.simplefilter("ignore")
        return _service_dir("RUNTIME_DIRECTORY", platformdirs.user_runtime_dir("smearwatch"))


def default_config_file() -> Path:
    """Return where the settings file is by default."""
    return _service_dir("CONFIGURATION_DIRECTORY", platformdirs.user_config_dir("smearwatch")) / "config.toml"


def shared_config_file() -> Path:
    """Return where the settings are that everybody shares who uses this installation of the program."""
    return Path(sys.prefix) / "etc" / "smearwatch" / "config.toml"


def _camera_size(text: str) -> str:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and 1 <= int(width) <= 20_000 and 1 <= int(height) <= 20_000):
        raise ValueError("write width and height in pixels like 1920x1080")
    return f"{int(width)}x{int(height)}"


def _fourcc(text: str) -> str:
    if not (len(text) == 4 and text.isascii() and text.isprintable()):
        raise ValueError("write the four characters of a pixel format, like MJPG")
    return text


def _address(text: str) -> str:
    if not text.startswith(("tcp://", "/")):
        raise ValueError("write it like tcp://192.168.1.20:5760")
    return text


def _hub_key(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", key := text.strip().lower()):
        raise ValueError("write the 64 digits and letters a to f that `smearwatch keys list` shows on its computer")
    return key


def _device(text: str) -> str:
    name, colon, number = text.partition(":")
    if text not in ("auto", "cpu", "cuda") and not (name == "cuda" and colon and number.isdecimal()):
        raise ValueError("give auto, cpu, cuda, or one of several cards like cuda:1")
    return text


def _band_rule(text: str) -> str:
    """Return the name of a known rule, or a rule in own words, which is recorded and cannot be applied."""
    named = rule_named(text)
    if named is None and " " not in text.strip():
        raise ValueError(f"give one of {', '.join(BAND_RULES)}, or a rule in your own words")
    return named or text.strip()


class Settings(BaseSettings):
    """Everything that may be set. Lengths in µm, times in s, sizes in bytes unless the name has another unit."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, env_prefix=_PREFIX, validate_default=False
    )

    state_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default_factory=default_state_dir)
    runtime_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default_factory=default_runtime_dir)
    watch_group: PrintableName | None = None
    control_group: PrintableName | None = None
    listen: Annotated[str, AfterValidator(_address)] | None = None
    hub: Annotated[str, AfterValidator(_address)] | None = None
    hub_key: Annotated[str, AfterValidator(_hub_key)] | None = None
    key: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    weights: Path | None = None
    device: Annotated[str, AfterValidator(_device)] = "auto"
    engine: Literal["auto", "eager", "fused", "bf16", "openvino", "onnx", "graph"] = "auto"
    workers: int = Field(1, ge=1, le=16)
    um_per_px: Literal["auto"] | UmPerPx = "auto"
    calibration: PrintableName | None = None
    scale_from: Literal["auto", "micrometer", "metadata", "configured", "red_cells"] = "auto"
    search_stain: Literal["as_photographed", "red_cells"] = "as_photographed"
    judged_view: Literal["best", "first"] = "best"
    field_um: float = Field(33.0, ge=10.0, le=100.0)
    target: int = Field(100, ge=1, le=1_000_000)
    band_rule: Annotated[str, AfterValidator(_band_rule)] = Field("filament", max_length=200)
    settle_s: float = Field(0.25, ge=0.05, le=60.0)
    incomplete_s: float = Field(60.0, ge=1.0, le=3600.0)
    rescan_s: float = Field(2.0, ge=0.2, le=600.0)
    camera_size: Annotated[str, AfterValidator(_camera_size)] | None = None
    camera_fourcc: Annotated[str, AfterValidator(_fourcc)] | None = None
    camera_fps: float | None = Field(None, gt=0.0, le=1000.0)
    camera_settle_s: float = Field(0.3, ge=0.05, le=60.0)
    camera_moved_share: float = Field(0.05, ge=0.01, le=0.25)
    camera_stall_s: float = Field(5.0, ge=0.5, le=120.0)
    lease_s: float = Field(30.0, ge=1.0, le=600.0)
    crop_backlog: int = Field(24, ge=1, le=512)
    max_frame_bytes: int = Field(256 * 1024 * 1024, ge=1024, le=1024**3)
    max_frame_pixels: int = Field(120_000_000, ge=10_000, le=1_000_000_000)
    review: bool = False
    review_port: int = Field(8765, ge=1, le=65535)
    review_listen: str | None = Field(None, min_length=1, max_length=255)
    review_tls_cert: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    review_tls_key: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    keep_days: int | None = Field(None, ge=1, le=36_500)
    keep_gb: float | None = Field(None, ge=0.0001, le=1_000_000.0)
    metrics_port: int | None = Field(None, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    anchor_s: float = Field(300.0, ge=1.0, le=86_400.0)
    keys: dict[str, str] = Field(default_factory=dict)
    extra_classes: ExtraClasses = Field(default_factory=dict)
    places: Places = Field(default_factory=dict)
    messages: Messages | None = None

    @property
    def has_groups(self) -> bool:
        """Whether accounts of a group may pass through the runtime folder to sockets of their own."""
        return self.watch_group is not None or self.control_group is not None

    @property
    def extra_classes_as_recorded(self) -> tuple[ExtraClass, ...]:
        """The extra classes as a session records them when it begins."""
        return as_recorded(self.extra_classes)

    def key_layout(self, known: Iterable[ExtraClass] | None = None) -> KeyLayout:
        """Return which key names which cell, for a session that knows some extra classes; see `layout_of`."""
        return layout_of(self.keys, self.extra_classes, known)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let options win over the environment, the environment over the file; nothing else is read."""
        assert isinstance(init_settings, InitSettingsSource)
        files = init_settings.init_kwargs.pop("config_files", None)
        toml = (TomlConfigSettingsSource(settings_cls, toml_file=files),) if files else ()
        return init_settings, env_settings, *toml


def settings_files(file: Path | None = None) -> tuple[list[Path], bool]:
    """Return the files that settings are read from, and whether somebody has named the one; else none need exist.

    A later one wins. The last is always there to be named.
    """
    variable = os.environ.get(f"{_PREFIX}CONFIG")
    if (named := file or (Path(variable) if variable else None)) is not None:
        return [named], True
    own, shared = default_config_file(), shared_config_file()
    together = shared.is_file() and not (own.is_file() and own.samefile(shared))
    return [shared, own] if together else [own], False


def load_settings(file: Path | None = None, *, typed: Sequence[str] = (), **overrides: Any) -> Settings:
    """Read the settings; ``overrides`` that are None change nothing.

    Parameters
    ----------
    file : Path, optional
        The TOML file, which must then exist; otherwise ``SMEARWATCH_CONFIG`` or the default place, where one
        may be.
    typed : sequence of str
        Settings as ``KEY=VALUE``, which win over environment and file as options do.

    Raises
    ------
    SettingsUnusable
        Naming the key, the value and the place it came from: option, variable, or file and line.
    SetUnusable
        What was typed is no setting.
    """
    files, is_named = settings_files(file)
    given = {key: value for key, value in overrides.items() if value is not None}
    pairs = typed_settings(typed)
    if twice := sorted(given.keys() & pairs.keys()):
        raise SetUnusable(f"{twice[0]} is given as an option and by --set")
    given |= pairs
    _check_environment()
    if is_named and not files[-1].exists():
        raise SettingsUnusable(
            f"settings file {files[-1]} does not exist", "check the path", wrongly_typed=file is not None
        )
    for path in files:
        _content(path)
    try:
        settings = Settings(**given, config_files=files)  # type: ignore[call-arg]
        settings.key_layout()
        return settings
    except ValidationError as error:
        raise _explain_all(error, given, files, pairs.keys()) from None
    except KeysClash as clash:
        raise SettingsUnusable(f"{_origin(*_OF_KEYS, files=files)}: {clash}", clash.hint) from None
    except RecursionError:
        nested = f"{_origin(*_TABLES, files=files)}: nested too deeply"
        raise SettingsUnusable(nested, "write it as TOML, one key = value a line") from None
    except SettingsError as error:
        key = next((key for key in Settings.model_fields if f'"{key}"' in str(error)), _TABLES[0])
        raise SettingsUnusable(f"{_origin(key, files=files)}: no JSON", 'write it as in {"band": "h"}') from None


def _content(path: Path) -> dict[str, Any]:
    """Return what a settings file holds, nothing where there is none; raises `SettingsUnusable`."""
    hint = "write it as TOML, one key = value a line"
    try:
        text = read_text(path)
        if text.startswith("\ufeff"):
            raise SettingsUnusable(
                f"settings file {path}: begins with a byte order mark", "save it as UTF-8 without one"
            )
        return tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except RecursionError:
        raise SettingsUnusable(f"settings file {path}: nested too deeply", hint) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        if isinstance(error, UnicodeDecodeError):
            reason, hint = "is no UTF-8 text", "save it as UTF-8"
        elif (twice := _GIVEN_TWICE.fullmatch(str(error))) is not None:
            reason, hint = f"line {twice[1]} gives a key a second time", "leave one of the two"
        if isinstance(error, PermissionError):
            hint = "see that this user may read it, or set HOME to this user's own folder"
        raise SettingsUnusable(f"settings file {path}: {reason}", hint) from None


def names_in_environment() -> list[str]:
    """Return the variables that give a setting, in alphabetical order."""
    keys = {key.upper() for key in Settings.model_fields}
    return sorted(name for name in os.environ if name.upper().removeprefix(_PREFIX) in keys and _is_ours(name))


def _is_ours(name: str) -> bool:
    return name.upper().startswith(_PREFIX)


def _check_environment() -> None:
    """Refuse a variable of ours that means nothing: it was meant to."""
    keys = {key.upper() for key in Settings.model_fields} | _OTHER_VARIABLES
    for name in sorted(os.environ):
        key = name.upper().removeprefix(_PREFIX)
        if _is_ours(name) and key not in keys:
            near = difflib.get_close_matches(key, sorted(keys), n=1)
            hint = f"did you mean {_PREFIX}{near[0]}?" if near else f"unset it; known: {' '.join(sorted(keys))}"
            raise SettingsUnusable(f"environment variable {name}: unknown", hint)


def _origin(*keys: str, files: Sequence[Path], within: Sequence[str] = ()) -> str:
    """Return where a setting that was not typed comes from: a variable, or a file and the line in it."""
    variables = [name for key in keys if (name := _PREFIX + key.upper()) in os.environ]
    if variables:
        return f"environment variable {variables[0]}"
    for path in reversed(files):
        lines = [line for key in keys if (line := line_of(path, (key, *within))) is not None]
        if lines:
            return f"{path}, line {lines[0]}"
    return str(files[-1])


def _explain_all(
    error: ValidationError, given: dict[str, Any], files: Sequence[Path], pairs: Collection[str]
) -> SettingsUnusable:
    def place(each: Any) -> tuple[int, ...]:
        return tuple(line_of(path, [str(part) for part in each["loc"]]) or 0 for path in files)

    errors = sorted(error.errors(include_url=False), key=place)
    said = {str(each): each for each in (_explain(each, given, files, pairs) for each in errors)}
    first, *others = said.values()  # a value that may be of two kinds is wrong once
    first.others = tuple(others)
    return first


def _explain(first: Any, given: dict[str, Any], files: Sequence[Path], pairs: Collection[str]) -> SettingsUnusable:
    key = str(first["loc"][0]) if first["loc"] else "?"
    typed = key in given
    within = [str(part) for part in first["loc"][1:]]
    option = "--set" if key in pairs else f"--{key.replace('_', '-')}"
    origin = f"option {option}" if typed else _origin(key, files=files, within=within)
    if len(first["loc"]) > 1 and key in _TABLES:
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        why = {"missing": "is missing", "extra_forbidden": "is unknown"}.get(first["type"])
        why = why or in_plain_words(first["msg"], repr(first["input"])) or first["msg"].removeprefix("Value error, ")
        return SettingsUnusable(f"{origin}: {where}: {why}", f"correct {key}")
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Settings.model_fields, n=1)
        known = f"did you mean {near[0]}?" if near else f"known keys: {' '.join(Settings.model_fields)}"
        return SettingsUnusable(f"{origin}: unknown key {key!r}", known, wrongly_typed=typed)
    if key == "um_per_px":
        hint = f"give auto or {USABLE}"
        return SettingsUnusable(
            f"{origin}: um_per_px = {first['input']!r} is no usable scale", hint, wrongly_typed=typed
        )
    why = first["msg"].removeprefix("Value error, ")
    why = in_plain_words(why, "it") or why
    if key == "extra_classes":
        return SettingsUnusable(f"{origin}: {key}: {why}", f"correct {key}")
    return SettingsUnusable(f"{origin}: {key} = {first['input']!r}: {why}", f"correct {key}", wrongly_typed=typed)

"""Credentials: where they are looked for, what is refused, and that they never show."""

from pathlib import Path

import pytest

from smsbat_async.cli.profile import Profile, config_path
from smsbat_async.client import SmsBatClient
from smsbat_async.errors import ConfigurationError


def write(path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    path.write_text(text)
    path.chmod(mode)
    return {"SMSBAT_CONFIG": str(path)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


TWO = """
[profile.default]
api_key = "of-default"

[profile.work]
api_key = "of-work"
base_url = "http://127.0.0.1:1"
zns_api_key = "of-zns"
"""


def test_the_file_is_in_the_folder_for_configurations_unless_a_variable_says_where() -> None:
    assert config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/smsbat/config.toml")
    assert config_path({}) == Path.home() / ".config/smsbat/config.toml"
    assert config_path({"SMSBAT_CONFIG": "/y.toml", "XDG_CONFIG_HOME": "/x"}) == Path("/y.toml")


def test_the_environment_counts_more_than_the_default_profile(file: Path) -> None:
    environment = write(file, TWO)
    assert Profile.find(None, environment).origin == f"profile 'default' in {file}"
    assert Profile.find(None, {**environment, "SMSBAT_API_KEY": "k"}).origin == "the environment"


def test_a_profile_that_is_named_counts_more_than_the_environment(file: Path) -> None:
    environment = {**write(file, TWO), "SMSBAT_API_KEY": "k"}
    found = Profile.find("work", environment)
    assert found.origin == f"profile 'work' in {file}"
    assert found.shown("smsbat") == {"api_key": "set (not shown)", "base_url": "http://127.0.0.1:1"}
    assert found.shown("zns") == {"api_key": "set (not shown)"}
    assert found.vendors == ("smsbat", "zns")


def test_an_address_alone_in_the_environment_does_not_send_the_keys_of_a_profile_elsewhere(
    file: Path,
) -> None:
    environment = {**write(file, TWO), "SMSBAT_BASE_URL": "http://127.0.0.1:1"}
    with pytest.raises(ConfigurationError, match="missing in the environment: set SMSBAT_API_KEY"):
        Profile.find(None, environment).smsbat()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_may_read_or_change_is_refused(file: Path, mode: int) -> None:
    environment = write(file, TWO, mode)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {file}"):
        Profile.find(None, environment)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("api_key = 'sesame'", "'api_key' is not known: write \\[profile.default\\]"),
        ("profile = 1", "profile must hold tables"),
        ("[profile]\ndefault = 1", "profile must hold tables"),
        ("[profile.default]\nkey = 'sesame'", "key is not known: one of allow_http, api_key, base_url"),
        ("[profile.default]\napi_key = 5", "api_key must be a text that is not empty"),
        ("[profile.default]\napi_key = ''", "api_key must be a text that is not empty"),
        ("[profile.default]\nallow_http = 'yes'", "allow_http must be true or false"),
        ("[profile.default]\napi_key = 'sesame", "is no TOML"),
        ("[profile.default]\napi_key = '\\xff'", "is no TOML"),
        ("[profile.other]\napi_key = 'sesame'", "there is no \\[profile.default\\] in .* \\(there: other\\)"),
    ],
)
def test_a_wrong_file_says_what_would_be_right_and_shows_no_key(
    file: Path, text: str, complaint: str
) -> None:
    file.write_bytes(text.replace("\\xff", "\udcff").encode("utf-8", "surrogateescape"))
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match=complaint) as met:
        Profile.find(None, {"SMSBAT_CONFIG": str(file)}).smsbat()
    assert "sesame" not in str(met.value)


def test_no_file_and_nothing_in_the_environment_says_what_to_do(file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"set SMSBAT_API_KEY, or write \[profile.default\] into"):
        Profile.find(None, {"SMSBAT_CONFIG": str(file)})
    with pytest.raises(ConfigurationError, match=r"no \[profile.work\] in .* \(there: none\)"):
        Profile.find("work", {"SMSBAT_CONFIG": str(file)})


def test_a_file_that_cannot_be_read_says_why(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        Profile.find(None, {"SMSBAT_CONFIG": str(file)})


def test_a_key_makes_a_login_superfluous_and_none_shows(file: Path) -> None:
    text = "[profile.default]\napi_key = 'sesame'\nusername = 'ali'\npassword = 'baba'\nallow_http = true\n"
    found = Profile.find(None, write(file, text + "zns_api_key = 'simsim'"))
    shown = f"{found!r} {vars(found)} {found.smsbat()!r} {found.zns()!r} {found.shown('smsbat')}"
    for secret in ("sesame", "baba", "simsim"):
        assert secret not in shown


def test_a_login_and_a_channel_token_make_clients_as_well(file: Path) -> None:
    login = Profile.find(None, {"SMSBAT_USERNAME": "ali", "SMSBAT_PASSWORD": "baba"})
    token = Profile.find(None, write(file, "[profile.default]\nviber_token = 'v'"))
    for profile in (login, token):
        assert isinstance(profile.smsbat(), SmsBatClient)


def test_a_vendor_without_a_key_says_which_variable_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="set ZNS_API_KEY"):
        Profile.find(None, {"SMSBAT_API_KEY": "k"}).zns()
    with pytest.raises(ConfigurationError, match="set SMSBAT_API_KEY"):
        Profile.find(None, {"ZNS_API_KEY": "k"}).smsbat()
    assert Profile.find(None, {"ZNS_API_KEY": "k"}).vendors == ("zns",)

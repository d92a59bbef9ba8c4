"""The program as a whole: its help at 80 columns, completion, versions, and what is not installed."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from smsbat_async.cli.app import CAMPAIGN, COMMANDS, CONFIG, run
from smsbat_async.cli.exits import MEANING, Exit
from tests.cli.program import PATIENCE

PATHS = [
    *((name,) for name in COMMANDS),
    *(("campaign", name) for name in CAMPAIGN),
    *(("config", name) for name in CONFIG),
]


def test_its_list_of_commands_says_what_each_does(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert run(["--help"]) == 0
    top = capsys.readouterr().out
    assert run(["campaign"]) == 0
    below = capsys.readouterr().out
    for names, said in ((COMMANDS, top), (CAMPAIGN, below)):
        for name in names:
            [line] = [line for line in said.splitlines()[: len(said) // 2] if line.startswith(f"│ {name} ")][
                :1
            ]
            assert len(line.strip("│ ").split()) > 3, "a command without a word about it"


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_fits_eighty_columns(
    here: Path, capsys: pytest.CaptureFixture[str], path: tuple[str, ...]
) -> None:
    assert run([*path, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: smsbat {' '.join(path)}")
    assert max(map(len, said.splitlines())) <= 80
    assert "None" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(here: Path, capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(["completion", shell]) == 0
    said = capsys.readouterr().out
    for word in (*COMMANDS, *CAMPAIGN, "accept-bad", "smsbat"):
        assert word in said


def test_completion_is_a_script_that_bash_understands(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("sned",), "Unknown command"),
        (("campaign", "start"), "Unknown command"),
        (("send", "--too", "+380501234567"), "--too"),
        (("completion", "tcsh"), "Invalid value"),
        (("config", "check", "--api-key", "sesame"), "--api-key"),
    ],
    ids=" ".join,
)
def test_a_misspelled_command_or_option_is_wrong_usage(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    assert run(words) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.out == ""


def test_the_sandbox_takes_its_own_options(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "--", "--help"]) == 0
    assert "--undeliverable-share" in capsys.readouterr().out
    assert run(["sandbox", "--speed", "0"]) == 2
    assert "speed must be above 0" in capsys.readouterr().err


def test_it_tells_its_version(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == version("smsbat-async")


def test_every_exit_code_is_explained() -> None:
    assert MEANING.keys() == set(Exit)


def ran(*lines: str) -> "subprocess.CompletedProcess[str]":
    program = "\n".join(("import sys", *lines))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_its_extra_it_says_what_to_install(missing: str) -> None:
    found = ran(
        f"sys.modules[{missing!r}] = None",
        "sys.argv = ['smsbat', 'campaign', 'status']",
        "from smsbat_async.cli.__main__ import main",
        "main()",
    )
    assert found.returncode == 2
    assert found.stderr == "the command line needs: pip install 'smsbat-async[cli]'\n"


def test_without_the_extra_of_campaigns_it_says_what_to_install() -> None:
    found = ran(
        "sys.modules['sqlalchemy'] = None",
        "sys.argv = ['smsbat', 'campaign', 'status']",
        "from smsbat_async.cli.__main__ import main",
        "main()",
    )
    assert found.returncode == 2
    assert "pip install 'smsbat-async[campaign]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_command_for_single_messages_loads_no_campaigns() -> None:
    found = ran(
        "from smsbat_async.cli.app import run",
        "run(['status'])",
        "assert 'smsbat_async.cli.status' in sys.modules",
        "assert not any(name.startswith(('sqlalchemy', 'smsbat_async.campaign')) for name in sys.modules)",
    )
    assert found.returncode == 0, found.stderr

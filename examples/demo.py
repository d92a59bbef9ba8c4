"""A campaign from the command line that loses power half-way, and goes on.

`make demo` runs this: it starts the sandbox, which speaks the vendor's API and sends nothing, runs
`smsbat campaign run` against it, kills that with SIGKILL in the middle, runs the same command again, makes
the report, and asks the sandbox itself whether anybody was forgotten or written to twice.
"""

import asyncio
import csv
import os
import shlex
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path

from smsbat_async.sandbox import Sandbox, SandboxConfig

FOLDER = Path(__file__).parent.parent / "build" / "demo"
RECIPIENTS = Path(__file__).with_name("recipients.csv")
BAD_ROWS = ["2001,ask her,Olena", "2002,+380671112233,", "2003,3.80671E+11,Ivan"]

CONFIG = SandboxConfig(
    seed=11,
    speed=3.0,
    status_rate=500.0,  # ten times the vendor's own
    status_burst=750,
    refused_phones=frozenset({"+380635360060", "+380981721960"}),
    never_ends_share=0.0,
    # So that something is in flight whenever it is killed.
    slow_share=1.0,
    slow_seconds=0.1,
    faults_on="send",
)

NAME = "spring"
RUN = [
    *("campaign", "run", NAME, "people.csv", "--from", "YourStore", "--type", "transaction"),
    *("--text", "{name}, your order #{order} is on its way.", "--prices", "prices.toml"),
    *("--rejects", "rejects.csv", "--accept-bad", "--yes"),
    *("--chunk-size", "50", "--concurrency", "2", "--rate", "10"),
    *("--status-rate", "500", "--track-for", "2m"),
]
REPORT = ["campaign", "report", NAME, "--html", "report.html"]
EXPORT = ["campaign", "export", NAME, "--csv", "export.csv"]

PRICES = """\
currency = "USD"

[prices]
380 = 0.05
"""


def prepare() -> None:
    """Make the folder of the demo: a file of recipients with some bad rows, and prices."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    rows = RECIPIENTS.read_text(encoding="utf-8")
    (FOLDER / "people.csv").write_text(rows + "\n".join(BAD_ROWS) + "\n", encoding="utf-8")
    (FOLDER / "prices.toml").write_text(PRICES, encoding="utf-8")


async def smsbat(sandbox: Sandbox, words: list[str]) -> asyncio.subprocess.Process:
    """Start the command line in the folder of the demo, with the sandbox for a vendor."""
    print(f"\n$ smsbat {shlex.join(words)}", flush=True)
    settings = {"SMSBAT_BASE_URL": sandbox.url, "SMSBAT_API_KEY": sandbox.config.api_key}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smsbat_async.cli", *words), cwd=FOLDER, env={**os.environ, **settings}
    )


async def kill_half_way(sandbox: Sandbox, program: asyncio.subprocess.Process) -> None:
    """Kill a program, as a power failure would, when the sandbox has taken half of the messages."""
    while sandbox.stats.accepted < 1_000 and program.returncode is None:  # noqa: ASYNC110 - it counts, and tells nobody
        await asyncio.sleep(0.01)
    program.send_signal(signal.SIGKILL)
    await program.wait()
    if sys.stdout.isatty():
        print("\x1b[?25h", end="")  # the program had no time to show the cursor again
    print(f"\nKilled with SIGKILL when the sandbox had taken {sandbox.stats.accepted:,} messages.")
    print("The same command again:", flush=True)


def prove(sandbox: Sandbox) -> bool:
    """Compare every row of the ledger with what the sandbox got, print it, and return whether all is well."""
    got = Counter(message.tracking_id for message in sandbox.messages)
    with (FOLDER / "export.csv").open(encoding="utf-8-sig", newline="") as file:
        states = {row["tracking_id"]: row["state"] for row in csv.DictReader(file)}
    by_state = Counter(states.values())
    stayed = {"pending", "not_sent", "rejected"}
    lost = [one for one, state in states.items() if state not in stayed | {"unknown"} and got[one] != 1]
    twice = [one for one, count in got.items() if count > 1]
    wrong = [one for one in got if states.get(one, "pending") in stayed]
    of_unknown = sum(got[one] for one, state in states.items() if state == "unknown")
    rows = {
        "recipients in the ledger, each in one state": len(states),
        "messages that the sandbox took": got.total(),
        "messages that it refused": by_state["rejected"],
        "in flight at the kill, so unknown to the ledger": by_state["unknown"],
        "of these the sandbox took": of_unknown,
        "LOST: accepted in the ledger, yet not there": len(lost),
        "LOST: there, yet not sent in the ledger": len(wrong),
        "TWICE: there more than once": len(twice),
    }
    print("\nWhat the sandbox itself counted, beside the ledger:")
    for what, count in rows.items():
        print(f"  {what:<48}{count:>7,}")
    return not lost and not wrong and not twice and not by_state["pending"]


async def main() -> int:
    """Run the demo, and return the exit code."""
    prepare()
    async with Sandbox(CONFIG) as sandbox:
        print(f"The sandbox listens on {sandbox.url} and sends nothing to anybody.")
        await kill_half_way(sandbox, await smsbat(sandbox, RUN))
        await (await smsbat(sandbox, RUN)).wait()
        await (await smsbat(sandbox, REPORT)).wait()
        await (await smsbat(sandbox, EXPORT)).wait()
        good = prove(sandbox)
    print("Nobody was lost, and nobody was written to twice." if good else "THIS SHOULD NOT BE.")
    print(f"The report: {FOLDER / 'report.html'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""Processes that run campaigns are killed again and again, and nothing may be lost or doubled.

The real command line sends a campaign to a witness, a vendor that outlives it and counts what it takes. The
process is killed with SIGKILL at random moments and at named points, and the same command is run
again, until it has been killed often enough; the last run goes to the end. Meanwhile the witness refuses,
breaks and resets by a seeded plan. Then the ledger and the witness's log are compared, message by message.

    points.py     where a process is killed, and in which order
    plan.py       what the witness answers
    witness.py    the vendor
    child.py      the command line with something in it that kills it
    ablation.py   the same, with nothing on disk before messages leave: what the proof has to find
    command.py    the command, run in a process
    proof.py      kill, run again, and to the end
    verdict.py    what the ledger and the witness say of every message
    __main__.py   the long run: `make crash`
"""

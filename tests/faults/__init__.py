"""Every fault that a call can meet, made for real on loopback, and what must come of it.

Each test names its rows of the fault table: `test_row_13_...`. A row is tried with a single send, with a send
of many in chunks, with a status request (alone and in a batch) and with tracking, where they differ; and over
every transport in `tests.support.calls.TRANSPORTS`.

```
row    tests
01-06  faults/test_connecting.py
07-09  faults/test_handshakes.py
10-14  faults/test_lost_answers.py
15-16  faults/test_silence.py
17-18  faults/test_malformed.py
19     faults/test_lost_answers.py
20-22  faults/test_malformed.py
23-26  faults/test_bodies.py
27-28  faults/test_rows.py
29     faults/test_rows.py, transport/test_aiohttp.py
30-31  faults/test_rows.py
32-38  faults/test_refusals.py
39-41  faults/test_overload.py
42     faults/test_refusals.py
43     faults/test_malformed.py
44-47  faults/test_cancelling.py
48     faults/test_closing.py
49     crash/test_command.py
50     campaign/test_ledger_faults.py, crash/test_crash.py
51     campaign/test_ledger_faults.py
52-53  campaign/test_ledger_faults.py, campaign/test_runner_faults.py
54     campaign/test_ledger_faults.py
55     campaign/test_ledger_faults.py, crash/test_command.py
60     faults/test_counting.py
61-69  webhooks/test_frameworks.py
70-71  faults/test_outages.py
72     faults/test_ids.py
73     campaign/test_preflight.py, campaign/test_sources.py
74     campaign/test_duplicates.py, campaign/test_runner.py
```

Rows 49 to 55, 73 and 74 are about whole campaigns; rows 56 to 59 have their tests with the modules that they
concern; rows 61 to 69 are tried with both web frameworks. `test_counting.py` also mixes faults at random:
every message has one outcome, none is taken twice, and nothing that was taken is called unsent.
"""

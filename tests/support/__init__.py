"""What fault tests need: a server, a network and a clock that misbehave exactly as told."""

from tests.support import bodies, broken, tls
from tests.support.arrivals import (
    Arrival,
    close_in_handshake,
    close_on_accept,
    finish_on_accept,
    hang_in_handshake,
    never_read,
    reset_in_handshake,
    reset_on_accept,
    serve,
    serve_late,
)
from tests.support.cancel import at_bytes, at_connection, at_request, cancel_after_turns, cancel_when, ending
from tests.support.clock import jump, stand_still, wall_clock_off_by
from tests.support.deadline import DEADLINE, within
from tests.support.dns import NO_SUCH_NAME, SILENT_NAME, fake_dns
from tests.support.http1 import response, response_head
from tests.support.ports import hanging_port, refused_port
from tests.support.proxy import FaultProxy, Lane, refusing_proxy
from tests.support.recorded import Recorded
from tests.support.script import ScriptExhaustedError
from tests.support.server import ScriptedServer
from tests.support.steps import (
    Step,
    answer,
    close,
    delay,
    drip,
    early,
    finish,
    hang,
    hold,
    json_answer,
    pause,
    raw,
    reset,
    then,
)
from tests.support.watch import Watch

__all__ = [
    "DEADLINE",
    "NO_SUCH_NAME",
    "SILENT_NAME",
    "Arrival",
    "FaultProxy",
    "Lane",
    "Recorded",
    "ScriptExhaustedError",
    "ScriptedServer",
    "Step",
    "Watch",
    "answer",
    "at_bytes",
    "at_connection",
    "at_request",
    "bodies",
    "broken",
    "cancel_after_turns",
    "cancel_when",
    "close",
    "close_in_handshake",
    "close_on_accept",
    "delay",
    "drip",
    "early",
    "ending",
    "fake_dns",
    "finish",
    "finish_on_accept",
    "hang",
    "hang_in_handshake",
    "hanging_port",
    "hold",
    "json_answer",
    "jump",
    "never_read",
    "pause",
    "raw",
    "refused_port",
    "refusing_proxy",
    "reset",
    "reset_in_handshake",
    "reset_on_accept",
    "response",
    "response_head",
    "serve",
    "serve_late",
    "stand_still",
    "then",
    "tls",
    "wall_clock_off_by",
    "within",
]

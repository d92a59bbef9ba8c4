"""What happens inside, as log records, traces and metrics: each is one hook.

`LogHook` needs nothing. `OpenTelemetryHook` is in `smsbat_async.telemetry.otel`, with the extra `otel`.
"""

from smsbat_async.telemetry.logs import LogHook

__all__ = ["LogHook"]

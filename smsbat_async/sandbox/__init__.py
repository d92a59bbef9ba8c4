"""A local HTTP server that speaks the SMSBAT cascade and Goby ZNS APIs and sends nothing."""

from smsbat_async.sandbox.channels import Channel
from smsbat_async.sandbox.config import SandboxConfig
from smsbat_async.sandbox.messages import Fate, Message
from smsbat_async.sandbox.sandbox import Sandbox
from smsbat_async.sandbox.stats import Stats

__all__ = ["Channel", "Fate", "Message", "Sandbox", "SandboxConfig", "Stats"]

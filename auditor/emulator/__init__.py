"""A Microsoft Graph that runs on this machine, for demonstrations, tests and people who test Graph clients.

``Emulator`` (in ``server``) serves one tenant from a file or a builder over loopback HTTP. It decides as Graph does where
a client can tell the difference: paging, query options, batches, throttling, refusals. It shares no code with the part
of this product that reads Graph, so that one error cannot hide in both.
"""

from auditor.emulator.faults import Faults
from auditor.emulator.server import Emulator
from auditor.emulator.settings import Settings, Tls

__all__ = ["Emulator", "Faults", "Settings", "Tls"]

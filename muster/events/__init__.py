"""What happens, as it happens: jobs change their state, instances come and go, leaders change.

from muster.events import subscribe

unsubscribe = subscribe(print, database="postgresql://...")
"""

from muster.events.event import Event, EventKind, Position
from muster.events.subscription import subscribe

__all__ = ["Event", "EventKind", "Position", "subscribe"]

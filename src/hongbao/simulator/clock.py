"""The simulator's own clock: it follows another clock, runs faster, stands still or jumps, but never goes back."""

from dataclasses import dataclass

from hongbao.clock import Clock, SystemClock
from hongbao.errors import BadInput

SPEED_MAX = 100_000
"""The fastest run: 100,000 simulated seconds in a real one."""

TIME_MS_MAX = 7_258_118_400_000
"""2200-01-01 UTC: later times are taken for a slip of the unit."""


@dataclass(frozen=True, slots=True)
class ClockState:
    """Where a clock stands: at the source's `source_ms` it showed `shown_ms`. `speed` 0 is a stopped clock."""

    shown_ms: int
    source_ms: int
    speed: int


class SimulatorClock:
    """A clock that can run, stop and jump forward. Reading it changes nothing but its own floor."""

    def __init__(self, source: Clock | None = None, *, start_ms: int | None = None, running: bool = True) -> None:
        """Follow `source` (default: the machine's clock).

        Args:
            source: what drives this clock while it runs.
            start_ms: the time it shows first, milliseconds since the Unix epoch, UTC; default: the source's.
            running: False starts it stopped: time moves by jumps alone.
        """
        self._source: Clock = source or SystemClock()
        source_ms = self._source.now_ms()
        self._state = ClockState(
            shown_ms=source_ms if start_ms is None else start_ms, source_ms=source_ms, speed=int(running)
        )
        self._floor_ms = self._state.shown_ms

    def now_ms(self) -> int:
        """Return the simulated time in milliseconds since the Unix epoch, UTC. It never goes back."""
        state = self._state
        if not state.speed:
            return state.shown_ms
        shown_ms = state.shown_ms + (self._source.now_ms() - state.source_ms) * state.speed
        # The source may step back (NTP, a laptop waking up): then this clock waits.
        if shown_ms < self._floor_ms:
            return self._floor_ms
        self._floor_ms = shown_ms
        return shown_ms

    @property
    def speed(self) -> int:
        """Simulated milliseconds per millisecond of the source; 0 when stopped."""
        return self._state.speed

    @property
    def state(self) -> ClockState:
        """What `restore` needs to go on from here."""
        return self._state

    def run(self, speed: int = 1) -> None:
        """Let time pass, `speed` times as fast as the source's.

        Raises:
            BadInput: the speed is not 1 to `SPEED_MAX`.
        """
        if not 1 <= speed <= SPEED_MAX:
            raise BadInput(
                field="speed", fault=f"{speed} is not 1 to {SPEED_MAX}", remedy="stop the clock to stand still"
            )
        self._anchor(self.now_ms(), speed)

    def stop(self) -> None:
        """Stand still until `run` or a jump."""
        self._anchor(self.now_ms(), 0)

    def jump_to(self, time_ms: int) -> None:
        """Show `time_ms` (milliseconds since the Unix epoch, UTC) now and go on as before.

        Raises:
            BadInput: that time has passed, or is beyond the year 2200.
        """
        now_ms = self.now_ms()
        if time_ms < now_ms:
            raise BadInput(
                field="to_ms",
                fault=f"{time_ms} lies {now_ms - time_ms} ms back",
                remedy="a clock only goes forward; start a new world for an earlier time",
            )
        if time_ms > TIME_MS_MAX:
            raise BadInput(field="to_ms", fault="lies beyond the year 2200", remedy="give milliseconds")
        self._anchor(time_ms, self._state.speed)

    def jump_by(self, span_ms: int) -> None:
        """Move `span_ms` milliseconds ahead.

        Raises:
            BadInput: the span is negative, or ends beyond the year 2200.
        """
        if span_ms < 0:
            raise BadInput(field="by_ms", fault=f"{span_ms} goes back", remedy="a clock only goes forward")
        self.jump_to(self.now_ms() + span_ms)

    def restore(self, state: ClockState) -> None:
        """Go on where an earlier clock of the same source stood; the time in between has passed if it ran."""
        self._state = state
        self._floor_ms = state.shown_ms

    def _anchor(self, shown_ms: int, speed: int) -> None:
        self._state = ClockState(shown_ms=shown_ms, source_ms=self._source.now_ms(), speed=speed)
        self._floor_ms = shown_ms

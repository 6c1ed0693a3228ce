"""The pytest fixtures of hongbao, known to any project that installs it.

This module is imported by every pytest run in an environment that has hongbao, simulator or not: it imports nothing
but pytest until a fixture is asked for. docs/reference/simulator.md, "From pytest".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hongbao.simulator.simulator import Simulator


@pytest.fixture(scope="session")
def hongbao_simulator_session() -> Iterator[Simulator]:
    """One running simulator for the whole session; `hongbao_simulator` gives it to a test with a fresh world."""
    try:
        from hongbao.simulator.simulator import Simulator
    except ImportError as error:
        pytest.fail(
            f"the simulator's extra is not installed ({error}): pip install 'hongbao[simulator]'", pytrace=False
        )
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def hongbao_simulator(hongbao_simulator_session: Simulator) -> Simulator:
    """A simulator of WeChat Pay in a fresh world: no packets, no faults, clock at now, one merchant ready to send.

    The server is shared by the session, so asking for it costs about a millisecond.
    """
    hongbao_simulator_session.renew()
    return hongbao_simulator_session

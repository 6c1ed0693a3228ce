"""WeChat Pay on a desk: the server side of the cash red packet API, to rehearse against.

::

    from hongbao.simulator import Simulator

    with Simulator() as sim:
        ...  # send to sim.base_url as sim.merchant, steer by sim.control

An independent witness: it shares only the XML reader with the SDK. What it does: docs/reference/simulator.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hongbao.simulator.control_client import ControlClient, ControlError
    from hongbao.simulator.simulator import MerchantAccess, Simulator, SimulatorDidNotStart

__all__ = ["ControlClient", "ControlError", "MerchantAccess", "Simulator", "SimulatorDidNotStart"]


def __getattr__(name: str) -> object:
    """Import a door when it is first used: the core and the client of a control door need no extra."""
    if name in {"ControlClient", "ControlError"}:
        from hongbao.simulator import control_client

        return getattr(control_client, name)
    if name in __all__:
        from hongbao.simulator import simulator

        return getattr(simulator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

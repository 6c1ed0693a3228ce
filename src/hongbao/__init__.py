"""hongbao (红包): give out WeChat cash red packets, and rehearse all of it on a desk.

Start with :mod:`hongbao.wechat` (the SDK, usable alone) or :mod:`hongbao.simulator` (WeChat Pay on a desk).
"""

__version__ = "0.1.0"

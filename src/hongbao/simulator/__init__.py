"""WeChat Pay on a desk: the server side of the cash red packet API, to rehearse against.

An independent witness: it shares only the XML reader with the SDK. What it does: docs/reference/simulator.md.
"""

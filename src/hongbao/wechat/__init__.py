"""The SDK: WeChat Pay's cash red packet calls, sync and async, usable alone."""

"""THE ROAD: grants go out and are followed to their end. I/O only through `ports`; each service is a step."""

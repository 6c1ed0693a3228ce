"""RECORD: what is promised and what has moved. Pure: no clock, no chance, no I/O; a store keeps what is decided."""

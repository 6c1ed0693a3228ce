"""PAY: when a packet may go, and what an answer means. Pure: no clock, no chance, no I/O; words, not deeds."""

"""PAY: when may it go, and what does the answer mean? Pure: no clock, no chance, no I/O."""

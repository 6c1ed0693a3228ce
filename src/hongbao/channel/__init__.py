"""Ways to pay: each translates a packet into a call, and the answer into what it means."""

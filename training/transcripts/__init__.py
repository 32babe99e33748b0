"""How well each speech engine hears: word error rate, speed and memory on real recordings."""

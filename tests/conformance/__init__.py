"""Every kind of file that people bring, made from one face and one sentence."""

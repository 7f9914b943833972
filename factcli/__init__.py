"""fact: make a language model say only what it knows, and prove it."""

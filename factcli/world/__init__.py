"""The synthetic world: invented people, the texts that state their facts, and a base model that read them."""

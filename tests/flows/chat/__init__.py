"""The conversation, without a terminal and on one."""

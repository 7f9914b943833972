"""Commands that score: settings and inputs resolved, one stage called."""

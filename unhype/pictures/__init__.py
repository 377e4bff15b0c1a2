"""Pictures: how they are drawn, turned into numbers, and shown."""

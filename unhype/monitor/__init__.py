"""The monitor: a second opinion that looks at what is being drawn, since that cannot be disguised as words can."""

"""Review: what a change of the lists means. What reruns, what is drawn anew, how the guard stands, in one comment."""

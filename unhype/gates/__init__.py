"""Gates: which figures a guard needs, and how it must stand beside the champion, before anybody is offered it."""

"""The main job: from a concept set to a trained and examined guard."""

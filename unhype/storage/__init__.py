"""DVC's stores of data: folders by their content, in its cache on this machine and in a remote that a team shares."""

"""The web page: a tab for each family, over the same library as the commands."""

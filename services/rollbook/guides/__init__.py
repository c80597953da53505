"""Setup guides: how an administrator connects one organization's identity provider, with its own values filled in."""

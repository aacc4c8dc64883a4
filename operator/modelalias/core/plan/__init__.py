"""Plans: how one is built, and which step of it comes next."""

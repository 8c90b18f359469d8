"""What the sections say of themselves: to editors, and to who asks for a key."""

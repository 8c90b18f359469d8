"""`.pt2` archives from anywhere: what is checked before torch opens them."""

"""What is done to outputs and labels before a metric sees them."""

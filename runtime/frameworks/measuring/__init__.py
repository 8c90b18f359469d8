"""What all adapters do alike when they measure: errors, agreement, statistics, timings."""

"""What every floor may use: errors, files, fresh processes, JSON lines, progress, timing."""

"""What every scenario shares: virtual environments, the sink, child processes, tables."""

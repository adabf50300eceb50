"""What every door needs: reading requests within bounds, answers, errors, and the service behind them.
Nothing in here knows a door."""

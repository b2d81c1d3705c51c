"""What one makes of events: analytic fluences, validation, reports, plots."""

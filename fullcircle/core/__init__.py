"""What every room needs and no domain is in: settings' base, progress, processes, plug-ins."""

"""The shell of the console: layout, components, static files and live updates."""

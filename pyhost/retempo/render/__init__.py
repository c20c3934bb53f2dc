"""What happens to one frame, and to a shot? The one image path; every door (CLI, farm, server) ends here."""

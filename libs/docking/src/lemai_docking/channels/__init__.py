"""Ways to carry files: folder, SFTP, signed HTTP."""

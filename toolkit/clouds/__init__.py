"""One file per cloud: makes its clients, and turns its errors into ours."""

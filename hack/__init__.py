"""The tools of this repository: a local cluster, the images, the demonstration. Standard library only."""

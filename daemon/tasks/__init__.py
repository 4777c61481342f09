"""One task for each session of an archive: in processes of this computer, or on a Ray cluster; results in a folder."""

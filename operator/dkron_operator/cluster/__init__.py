"""The installation as a whole: the status of the DkronCluster, its replicas, and other installations in its way."""

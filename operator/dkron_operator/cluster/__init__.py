"""The installation as a whole: the status of the DkronCluster, the replicas, and conflicts with other installations."""

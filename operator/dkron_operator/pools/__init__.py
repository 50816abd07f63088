"""DkronPools: their watches, which of them serve a job, who holds the places, and their statuses."""

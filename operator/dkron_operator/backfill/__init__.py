"""DkronBackfills: which slots of the past run again, and one DkronRun for each of them."""

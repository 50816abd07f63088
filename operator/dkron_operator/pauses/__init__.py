"""DkronPauses: their watches, their index by what they select, and their statuses."""

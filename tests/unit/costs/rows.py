"""All rows."""

from tests.unit.costs import rows_of_api, rows_of_caches, rows_of_lists, rows_of_places

ROWS = (*rows_of_lists.ROWS, *rows_of_places.ROWS, *rows_of_caches.ROWS, *rows_of_api.ROWS)

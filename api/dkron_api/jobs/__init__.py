"""Operations on jobs: writes, runs with or without waiting, restores."""

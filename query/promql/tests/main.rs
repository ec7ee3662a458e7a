mod runner {}

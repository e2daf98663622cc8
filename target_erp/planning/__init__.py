"""What a run would write, and the guards that stop one which would write too much."""

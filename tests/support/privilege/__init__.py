"""Who may call what, and who calls it: rights of templates against recorded calls."""

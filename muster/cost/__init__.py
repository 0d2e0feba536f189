"""What jobs cost: what was metered times what AWS asks for it, and how it could be less."""

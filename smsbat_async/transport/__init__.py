"""How one request reaches a vendor and one answer comes back."""

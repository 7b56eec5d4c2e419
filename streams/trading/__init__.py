"""What trades: book, orders, positions, fees, risk, simulated venue. Pure integer arithmetic, no input or output."""

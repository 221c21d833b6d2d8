"""What an order is and may become: `orders`, the `trades` they grow from, the `actuals` that move them."""

"""What changes stock: `commitments` and `actuals` as they come, `snapshots` that correct, `figures` for the stores."""

"""Cases: how they stand. state (values), asks (ledger), turn (who acts next), clocks, brief. Pure, no clock."""

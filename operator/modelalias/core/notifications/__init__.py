"""What channels are told, which of them, and how often; who calls this is `reconcile.notifier`."""

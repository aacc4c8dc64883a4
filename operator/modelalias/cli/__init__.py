"""The command line: `gate` without a cluster, the others as the person whom the kubeconfig names. Each command is a module."""

"""The command line: each command is a module. `gate` needs no cluster; the others use your kubeconfig."""

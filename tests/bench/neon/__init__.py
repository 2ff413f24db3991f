"""How linnet's NEON kernels fit Arm's cores; tests/bench/neon.sh runs it."""
